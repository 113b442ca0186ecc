"""What is kept of a result? A hash of its bits, in which all NaNs are one: payload and sign of a NaN are left open."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from typing import Any

import numpy as np

from onepass.arrays import Array


def digest(results: Iterable[Any]) -> str:
    """Sixteen hexadecimal digits of the numbers of arrays, and of anything else as it is printed."""
    found = blake2b(digest_size=8)
    for result in results:
        if isinstance(result, np.ndarray):
            found.update(_little_endian(result))
        else:
            found.update(repr(result).encode())
    return found.hexdigest()


def _little_endian(array: Array) -> bytes:
    """The numbers in C order."""
    bits = np.ascontiguousarray(array).reshape(-1).view(f"u{array.dtype.itemsize}")
    if array.dtype.kind not in "biu":
        with np.errstate(invalid="ignore"):  # from signaling NaNs
            is_nan = np.isnan(array).reshape(-1)
        if is_nan.any():
            bits = np.where(is_nan, np.array(-1).astype(bits.dtype), bits)
    return bits.astype(bits.dtype.newbyteorder("<"), copy=False).tobytes()
