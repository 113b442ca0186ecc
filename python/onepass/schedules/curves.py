"""How does a value get from one end to another? The two curves that schedules follow."""

from __future__ import annotations

import math


def linear(start: float, end: float, fraction: float) -> float:
    """From start to end along a line."""
    return start + (end - start) * fraction


def cosine(start: float, end: float, fraction: float) -> float:
    """From start to end along half a cosine wave."""
    return end + (start - end) * (1 + math.cos(math.pi * fraction)) / 2


def power(base: float, exponent: int) -> float:
    """The power, or an infinity where it is too large for a double."""
    try:
        return base**exponent
    except OverflowError:
        return math.inf
