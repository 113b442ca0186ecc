"""Who takes part? Every contender by name; its library is imported when it is asked for."""

from __future__ import annotations

from importlib import import_module

from comparison.contenders.base import Contender, NotOffered, Unavailable

__all__ = ["BASELINE", "NAMES", "Contender", "NotOffered", "Unavailable", "find"]

_MODULES = {
    "own": ("onepass", "numpy", "roof"),
    "pytorch": ("torch-fused", "torch-foreach", "torch-default", "torch-compile"),
    "deepspeed_adam": ("deepspeed",),
    "optax_jit": ("optax",),
    "thinc_ops": ("thinc",),
}
NAMES = tuple(name for names in _MODULES.values() for name in names)
#: Whom all others are measured against.
BASELINE = "onepass"


def find(name: str) -> type[Contender]:
    """The contender of that name.

    Raises:
        Unavailable: its library cannot be imported.
    """
    module = next(module for module, names in _MODULES.items() if name in names)
    try:
        found = vars(import_module(f"comparison.contenders.{module}")).values()
    except ImportError as error:
        raise Unavailable(str(error)) from error
    return next(one for one in found if isinstance(one, type) and getattr(one, "name", None) == name)
