"""How does a tree of Python values become JSON and come back the same? Its arrays stay beside it, by name.

JSON has no tuples, infinities or arrays: these are dicts with one key, such as ``{"$tuple": [...]}``. A key that begins
with a dollar of its own gets one more.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from onepass.arrays import Array

Path = tuple[str | int, ...]


def encode(value: Any, arrays: dict[str, Array], name_of: Callable[[Path], str], path: Path = ()) -> Any:
    """What JSON can hold of a value.

    Args:
        arrays: gets the arrays that are met.
        name_of: names the array at a path.
        path: of keys and indices that lead to the value; opens error messages.

    Raises:
        TypeError: something cannot be kept, or a key is no string.
    """
    if isinstance(value, np.ndarray | np.generic):
        if isinstance(value, np.ma.MaskedArray):
            raise TypeError(f"{_shown(path)} must not be masked; pass the array and the mask")
        (tag, kept), name = _tagged(value), name_of(path)
        arrays[name] = kept
        return {tag: name}
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"$float": repr(value)}
    if isinstance(value, list | tuple):
        items = [encode(one, arrays, name_of, (*path, index)) for index, one in enumerate(value)]
        return {"$tuple": items} if isinstance(value, tuple) else items
    if not isinstance(value, Mapping):
        raise TypeError(
            f"{_shown(path)} must be None, a bool, int, float, string, list, tuple, dict or array, got {value!r}"
        )
    if bad := [key for key in value if not isinstance(key, str)]:
        raise TypeError(f"{_shown(path)} must have strings for keys, got {bad[0]!r}")
    return {
        f"${key}" if key.startswith("$") else key: encode(one, arrays, name_of, (*path, key))
        for key, one in value.items()
    }


def decode(value: Any, arrays: Mapping[str, Array]) -> Any:
    """What `encode` was given. Raises ValueError where that cannot be."""
    if isinstance(value, list):
        return [decode(one, arrays) for one in value]
    if not isinstance(value, dict):
        return value
    tags = [key for key in value if key.startswith("$") and not key.startswith("$$")]
    if not tags:
        return {key[1:] if key.startswith("$$") else key: decode(one, arrays) for key, one in value.items()}
    (tag, inner), *others = value.items()
    if tag == "$tuple" and isinstance(inner, list) and not others:
        return tuple(decode(inner, arrays))
    if tag == "$float" and inner in ("inf", "-inf", "nan") and not others:
        return float(inner)
    if tag in _UNTAGGED and isinstance(inner, str) and inner in arrays and not others:
        return _UNTAGGED[tag](arrays[inner])
    raise ValueError(f"its metadata has an entry {tags[0]!r} that means nothing")


def parse(text: str | bytes, what: str) -> Any:
    """JSON as the standard has it: no key twice, every number finite.

    Raises:
        ValueError: naming `what`.
    """
    try:
        return json.loads(text, object_pairs_hook=_once, parse_constant=_refuse_number, parse_float=_finite)
    except RecursionError:
        raise ValueError(f"{what} is nested too deeply") from None
    except ValueError as error:  # JSON's own and that of UTF-8 among them
        raise ValueError(f"{what} is no JSON: {error}") from None


def _tagged(value: Any) -> tuple[str, Array]:
    if isinstance(value, np.generic):
        return "$scalar", np.asarray(value)
    if value.dtype == np.uint8 and value.flags.f_contiguous and not value.flags.c_contiguous:
        return "$transposed", value.T  # of codes in 8 bits those share a scale that are neighbours in memory
    return "$array", value


_UNTAGGED: dict[str, Callable[[Array], Any]] = {
    "$array": lambda array: array,
    "$transposed": lambda array: array.T,
    "$scalar": lambda array: array[()],
}


def _shown(path: Path) -> str:
    first, *rest = path or ("the value",)
    return f"{first}{''.join(f'[{key!r}]' for key in rest)}"


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        for key, _ in pairs:
            if key not in found:
                raise ValueError(f"the key {key!r} is there twice")
            del found[key]
    return found


def _refuse_number(text: str) -> Any:
    raise ValueError(f"{text} is no number")


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _refuse_number(text)
