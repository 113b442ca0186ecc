"""How are parameters and gradients given? One array, a sequence, a dict by name, or group dicts; and in which order?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from onepass.arrays import Array
from onepass.sparse import SparseRows

Params = Array | Mapping[str, Array] | Iterable[Array | Mapping[str, Any]]
Arrays = Array | Sequence[Array] | Mapping[str, Array]
#: A sequence of arrays is their sum.
Gradient = Array | SparseRows | Sequence[Array]
Gradients = Gradient | Sequence[Gradient | None] | Mapping[str, Gradient | None]


def as_groups(owner: str, params: Any) -> list[Mapping[str, Any]]:
    """Group dicts of what a constructor was given.

    Raises:
        TypeError: it is nothing of the kind.
    """
    if isinstance(params, np.ndarray | Mapping):
        return [{"params": params}]
    if isinstance(params, str | bytes) or not isinstance(params, Iterable):
        raise TypeError(
            f"{owner}: params must be an array, a sequence or dict of arrays, or group dicts, got {params!r}"
        )
    items: list[Any] = list(params)
    if items and all(isinstance(item, Mapping) for item in items):
        return items
    return [{"params": items}]


def in_order(
    caller: str, what: str, given: Any, names: Sequence[str] | None, *, is_bare: bool
) -> Sequence[Gradient | None]:
    """One array, a sequence or a dict, in the order of the parameters.

    Args:
        caller, what: open error messages.
        names: those of all parameters; None if one has none.
        is_bare: the parameters were given as one array.

    Raises:
        TypeError, ValueError: it is not given as the parameters were.
    """
    if isinstance(given, list | tuple):
        return given
    if isinstance(given, np.ndarray | SparseRows):
        if not is_bare:
            raise TypeError(f"{caller}: {what} must be given as the parameters were, not as one array")
        return [given]
    if not isinstance(given, Mapping):
        raise TypeError(f"{caller}: {what} must be an array, a list or a dict, got {type(given).__name__}")
    if names is None:
        raise TypeError(f"{caller}: {what} is a dict, but the parameters were given without names")
    if unknown := given.keys() - set(names):
        raise ValueError(f"{caller}: there is no parameter {', '.join(map(repr, sorted(unknown)))}")
    if missing := [name for name in names if name not in given]:
        hint = "; pass None to leave it out" if what == "gradients" else ""
        raise ValueError(f"{caller}: {what} has nothing for {', '.join(map(repr, missing))}{hint}")
    return [given[name] for name in names]


def is_found(found_inf: Any) -> bool:
    """Whether a gradient scaler's number says that the gradients are of no use: anything but zero does."""
    if found_inf is None:
        return False
    number = np.asarray(found_inf)
    if number.size != 1 or number.dtype.kind not in "biuf":
        raise TypeError(f"step: found_inf must be a number or an array of one, got {found_inf!r}")
    return not bool(number.reshape(()) == 0)
