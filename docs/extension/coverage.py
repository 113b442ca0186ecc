"""Is every public name on a page, with a docstring? A name that is not is a warning, which ends the build."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging

#: The modules whose `__all__` is public.
MODULES = (
    "onepass",
    "onepass.functional",
    "onepass.reference",
    "onepass.reference.textbook",
    "onepass.schedules",
    "onepass.torch",
    "onepass.torch.functional",
)

logger = logging.getLogger(__name__)


def public_names() -> Iterator[tuple[str, Any]]:
    """Every public name with what it is: of the modules, and of the classes that stand there themselves."""
    for module in map(import_module, MODULES):
        for name in module.__all__:
            one = getattr(module, name)
            yield f"{module.__name__}.{name}", one
            if inspect.isclass(one):
                yield from _members(f"{module.__name__}.{name}", one)


def _members(name: str, cls: type) -> Iterator[tuple[str, Any]]:
    """Methods and properties, but for those that a base has already."""
    for member, value in vars(cls).items():
        is_new = not any(hasattr(base, member) for base in cls.__bases__)
        if is_new and not member.startswith("_") and (inspect.isfunction(value) or isinstance(value, property)):
            yield f"{name}.{member}", value


def missing(documented: set[str]) -> Iterator[str]:
    """What is wrong with which public name."""
    for name, one in public_names():
        if not (inspect.getdoc(one) or "").strip():
            yield f"{name} has no docstring"
        elif name not in documented:
            yield f"{name} is on no page"


def check(app: Sphinx, env: BuildEnvironment) -> None:
    python = env.get_domain("py")
    documented = {name for name, *_ in python.get_objects()}
    for problem in missing(documented):
        logger.warning("%s", problem, type="onepass", subtype="coverage")


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("env-check-consistency", check)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
