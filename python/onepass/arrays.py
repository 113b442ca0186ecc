"""How are arrays given? One, a sequence, or a dict by name; and how is one found again among them?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def as_arrays(owner: str, params: Any) -> tuple[tuple[Array, ...], tuple[str, ...] | None]:
    """The arrays in their order, and their names if they were given in a dict.

    Raises:
        TypeError, ValueError: it is none of these, a name is no string, or there is no array.
    """
    names: tuple[str, ...] | None = None
    if isinstance(params, np.ndarray):
        params = (params,)
    elif isinstance(params, Mapping):
        if bad := [name for name in params if not isinstance(name, str)]:
            raise TypeError(f"{owner}: parameter names must be strings, got {bad[0]!r}")
        names, params = tuple(params), params.values()
    elif isinstance(params, str | bytes) or not isinstance(params, Iterable):
        raise TypeError(f"{owner}: params must be an array, or a sequence or dict of arrays, got {params!r}")
    arrays = tuple(params)
    if not arrays:
        raise ValueError(f"{owner}: params is empty; pass at least one array")
    return arrays, names
