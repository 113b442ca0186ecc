"""Which tests has SciPy, and by what are its functions replaced in them?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from types import ModuleType
from typing import Any

import pytest

import onepass
from onepass.solve.smooth.methods import ALIASES, METHODS

#: The version whose tests the lists of exclusions are about.
VERSION = "1.17"
#: Of a test that called onepass.
CALLED = pytest.StashKey[bool]()


@dataclass(frozen=True)
class Replacement:
    """A function of onepass, and whether it is meant by a call; one that is not goes to SciPy."""

    ours: Callable[..., Any]
    has: Callable[..., bool] = lambda *args, **kwargs: True


def told(replacement: Replacement, theirs: Callable[..., Any], node: pytest.Item) -> Callable[..., Any]:
    """The function of onepass where it is asked for what it has, noting that it was called; else SciPy's."""

    @wraps(replacement.ours)
    def function(*args: Any, **kwargs: Any) -> Any:
        if not replacement.has(*args, **kwargs):
            return theirs(*args, **kwargs)
        node.stash[CALLED] = True
        return replacement.ours(*args, **kwargs)

    return function


def skipped_unless_called(report: pytest.TestReport, item: pytest.Item) -> pytest.TestReport:
    """What a test that never called onepass came to: it is none of these."""
    if report.when == "call" and CALLED not in item.stash:
        report.outcome = "skipped"
        report.longrepr = (str(item.path), item.location[1] or 0, "Skipped: it does not call onepass")
    return report


def peer(name: str) -> ModuleType:
    """A module of SciPy's tests; skips where SciPy is another one or came without them."""
    scipy = pytest.importorskip("scipy", minversion=VERSION)
    if not scipy.__version__.startswith(VERSION):
        pytest.skip(f"the exclusions are those of SciPy {VERSION}", allow_module_level=True)
    module: ModuleType = pytest.importorskip(f"scipy.optimize.tests.{name}")
    return module


def collected(module: ModuleType) -> dict[str, Any]:
    """What pytest collects of it: tests, and fixtures for them."""
    fixtures = type(pytest.fixture(lambda: None))
    return {
        name: value
        for name, value in vars(module).items()
        if name.startswith(("test_", "Test")) or isinstance(value, fixtures)
    }


def has_method(
    fun: Any, x0: Any, args: Any = (), method: Any = None, *_: Any, constraints: Any = (), **more: Any
) -> bool:
    """Methods that onepass lacks are SciPy's, which takes one of them for constraints."""
    if method is None:
        return not constraints
    lower = method.lower() if isinstance(method, str) else ""
    return ALIASES.get(lower, lower) in METHODS


def is_shared(parameters: dict[str, Any]) -> bool:
    """Whether a test is for a method that onepass has, or for all."""
    return has_method(None, None, method=parameters.get("method"))


def minimizer() -> Replacement:
    """`minimize`, where it is asked for a method of onepass."""
    return Replacement(onepass.minimize, has_method)
