"""Who takes part? Every contender by name; its library is imported when it is asked for."""

from __future__ import annotations

from importlib import import_module

from comparison.contenders.base import Contender, Unavailable

__all__ = ["BASELINE", "NAMES", "ROOF", "Contender", "Unavailable", "find"]

_MODULES = {
    "onepass": "own",
    "onepass-plain": "own",
    "onepass-normal": "own",
    "roof": "roof",
    "torch-fused": "pytorch",
    "torch-fused-scaled": "pytorch",
    "torch-default": "pytorch",
    "torch-sparse": "torch_sparse",
    "torch-compile": "pytorch",
    "optax": "optax_jit",
    "numpy": "formulas",
    "numpy-add": "addition",
    "numpy-twin": "formulas",
    "deepspeed": "deepspeed_adam",
    "torch-foreach": "pytorch",
    "thinc": "thinc_ops",
    "pytorch-optimizer": "registry",
    "authors": "authors",
}
#: Where memory does not suffice for all, the last are left out.
NAMES = tuple(_MODULES)
#: Whom all others are measured against.
BASELINE = "onepass"
ROOF = "roof"


def find(name: str) -> type[Contender]:
    """The contender of that name.

    Raises:
        Unavailable: its library cannot be imported.
    """
    try:
        found = vars(import_module(f"comparison.contenders.{_MODULES[name]}")).values()
    except ImportError as error:
        raise Unavailable(str(error)) from error
    return next(one for one in found if isinstance(one, type) and getattr(one, "name", None) == name)
