"""How is a sum rounded at random? To the nearest number that can be kept, or on to its neighbour beyond.

The probability makes the mean exact: however small the smaller number is, it counts.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from onepass.arrays import Array
from onepass.formats import Floats, Words

_SIGN = np.uint32(0x80000000)
_INFINITY = 0x7F800000


def exact_sum(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """The sum in float32, and what this has lost (Knuth 1969, section 4.2.2, theorem B)."""
    rounded = a + b
    from_b = rounded - a
    return rounded, (a - (rounded - from_b)) + (b - from_b)


def _signed_sum(a: Floats, b: Floats) -> tuple[Words, Words, Floats, Floats]:
    """Sign, bits of the magnitude, and what is beyond it: as a number, and in units of the magnitude's last place."""
    rounded, rest = exact_sum(a, b)
    bits = rounded.view(np.uint32)
    sign, magnitude = bits & _SIGN, bits & ~_SIGN
    outward = (rest.view(np.uint32) ^ sign).view(np.float32)
    # Inward of a power of two the places are those of the next smaller number.
    exponent = (magnitude - (outward < 0).astype(np.uint32)) >> 23
    per_place = ((np.uint32(254) - exponent) << 23).view(np.float32)
    return sign, magnitude, outward, outward * per_place * np.float32(2**23)


def _beyond(distance: Floats, random: Words) -> NDArray[np.int32]:
    """1 or -1, towards where the distance points, with a probability of its size."""
    uniform = ((random >> 1).astype(np.float32) + np.float32(0.5)) * np.float32(2.0**-31)
    return np.where(np.abs(distance) > uniform, np.where(distance < 0, -1, 1), 0).astype(np.int32)


def _rounded(magnitude: Words, rest: Floats, random: Words, cut: int) -> Words:
    """The magnitude without its last bits, in units of the last place that is left."""
    nearest: Words = (magnitude + np.uint32(1 << cut >> 1)) >> np.uint32(cut)
    distance = (magnitude - (nearest << cut)).view(np.int32).astype(np.float32) + rest
    rounded: Words = nearest + _beyond(distance * np.float32(2.0**-cut), random).view(np.uint32)
    return rounded


def add_at_random(a: Floats, b: Floats, random: Words) -> Floats:
    """The sum in float32, rounded with 32 random bits for each."""
    with np.errstate(all="ignore"):
        sign, magnitude, _, rest = _signed_sum(a, b)
        return (sign | _rounded(magnitude, rest, random, 0)).view(np.float32)


def encode_sum(a: Floats, b: Floats, stored: Array, random: Words) -> None:
    """The sum in float16 or bfloat16, rounded with 32 random bits for each."""
    with np.errstate(all="ignore"):
        sign, magnitude, outward, rest = _signed_sum(a, b)
        is_nan = magnitude > _INFINITY
        if stored.dtype == np.float16:
            normal = _rounded(magnitude - np.uint32(0x38000000), rest, random, 13)
            small = magnitude <= 0x38800000  # up to 2^-14 the places are 2^-24 apart, whatever the exponent
            places = np.where(small, magnitude, 0).astype(np.uint32).view(np.float32) * np.float32(2**24)
            nearest = (places + np.float32(0.5)).astype(np.int32)
            distance = (places - nearest.astype(np.float32)) + outward * np.float32(2**24)
            tiny = (nearest + _beyond(distance, random)).view(np.uint32)
            special = np.where(is_nan, np.uint32(0x7E00), np.uint32(0x7C00))
            bits = np.where(magnitude >= 0x47800000, special, np.where(small, tiny, normal))
        else:
            bits = np.where(is_nan, np.uint32(0x7FC0), _rounded(magnitude, rest, random, 16))
    stored.view(np.uint16)[...] = (sign >> 16) | bits
