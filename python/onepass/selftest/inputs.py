"""From which numbers is everything computed? Bits made by integer arithmetic: the same with every NumPy and libm."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onepass.arrays import Array
from onepass.formats import named_dtype
from onepass.reference.kernels.noise import mix

#: Bits of fraction and of exponent.
FORMATS = {"float64": (52, 11), "float32": (23, 8), "bfloat16": (7, 8), "float16": (10, 5)}
_STRIDE = 0x9E3779B97F4A7C15


def words(count: int, seed: int) -> NDArray[np.uint64]:
    """64 random bits each: the stream of SplitMix64 (Steele, Lea & Flood 2014)."""
    return mix(np.arange(count, dtype=np.uint64) * np.uint64(_STRIDE) + np.uint64(mix(seed)))


def uniform(count: int, seed: int) -> Array:
    """Float64 in [0, 1), multiples of 2^-53."""
    return (words(count, seed) >> np.uint64(11)).astype(np.float64) * 2.0**-53


@cache
def numbers(dtype: str, count: int, seed: int, *, special: bool = False) -> Array:
    """Of both signs, some decades around 1, with zeros and subnormals; read-only, for it is handed out again.

    Args:
        special: infinities, NaNs and numbers whose square overflows are among them.
    """
    fraction_bits, exponent_bits = FORMATS[dtype]
    drawn = words(2 * count, seed)
    fraction, dice = drawn[::2] >> np.uint64(64 - fraction_bits), drawn[1::2]
    highest = 2**exponent_bits - 1
    spread = min(33 if special else 13, highest // 2 - 1)
    exponent = np.uint64(highest // 2 - spread) + (dice >> np.uint64(8)) % np.uint64(2 * spread + 1)
    face = dice % np.uint64(32)
    odd: dict[int, tuple[Any, Any]] = {0: (0, 0), 1: (0, fraction)}
    if special:
        odd |= {2: (highest, 0), 3: (highest, fraction | np.uint64(1)), 4: (highest - 1, fraction)}
    for one, (exponent_there, fraction_there) in odd.items():
        exponent = np.where(face == one, np.uint64(exponent_there), exponent)
        fraction = np.where(face == one, np.asarray(fraction_there, np.uint64), fraction)
    sign = dice >> np.uint64(63)
    bits = ((sign << np.uint64(exponent_bits) | exponent) << np.uint64(fraction_bits)) | fraction
    of = named_dtype("selftest", dtype)
    values: Array = bits.astype(f"u{of.itemsize}").view(of)
    values.flags.writeable = False
    return values
