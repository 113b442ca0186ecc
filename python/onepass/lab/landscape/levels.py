"""At which losses are contours drawn? At 1, 2 and 5 times the powers of ten, for losses span several of them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from onepass.arrays import Array

#: No smaller loss is drawn: the logarithm of a float32 network's 0 would be nowhere.
FLOOR = 1e-6


def drawable(losses: Array) -> Array:
    """The losses, at least FLOOR; what is not finite is NaN, which is left out of every picture."""
    return np.where(np.isfinite(losses), np.maximum(losses, FLOOR), np.nan)


def contour_levels(*losses: Array) -> list[float]:
    """The shortest part of the series ..., 0.5, 1, 2, 5, 10, ... that encloses all losses, two levels at least."""
    drawn = np.concatenate([drawable(grid).ravel() for grid in losses])
    low, high = np.nanmin(drawn), np.nanmax(drawn)
    decades = range(int(np.floor(np.log10(low))) - 1, int(np.ceil(np.log10(high))) + 2)
    series = np.array([float(f"{digit}e{decade}") for decade in decades for digit in (1, 2, 5)])
    first = np.flatnonzero(series <= low)[-1]
    last = max(np.flatnonzero(series >= high)[0], first + 1)
    enclosing: list[float] = series[first : last + 1].tolist()
    return enclosing


def powers_of_ten(levels: Iterable[float]) -> list[float]:
    """Those of the levels that are."""
    return [level for level in levels if f"{level:e}".startswith("1")]
