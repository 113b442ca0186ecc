"""What is asked of all gradients together? Whether they are finite, their norm, and how far it must be clipped."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from onepass.groups import Array
from onepass.reference.elementwise import maximum, minimum
from onepass.reference.storage import in_rows

#: Elements whose squares are added by themselves, and in how many sums.
TILE, LANES = 4096, 16


def are_finite(gradients: Iterable[Array]) -> bool:
    return all(bool(np.isfinite(gradient).all()) for gradient in gradients)


def clipped(gradient: Array, bound: float) -> Array:
    """Every element moved into [-bound, bound]; NaN stays NaN."""
    limit = gradient.dtype.type(bound)
    return minimum(maximum(gradient, -limit), limit)


def sum_of_squares(gradients: Iterable[Array]) -> float:
    """Over all flat gradients, in a fixed order, so that any cutting of the work into tiles yields the same bits."""
    total = 0.0
    for gradient in gradients:
        for square in _tile_squares(gradient):
            total += square
    return total


def _tile_squares(flat: Array) -> list[float]:
    """Each tile's sum of squares, in double: element i of a tile goes to lane i % LANES; the lanes meet in halves."""
    tiles = in_rows(flat, TILE).astype(np.float64)
    tiles *= tiles
    lanes = np.zeros((len(tiles), LANES))
    for start in range(0, TILE, LANES):
        lanes += tiles[:, start : start + LANES]
    while lanes.shape[1] > 1:
        half = lanes.shape[1] // 2
        lanes = lanes[:, :half] + lanes[:, half:]
    squares: list[float] = lanes[:, 0].tolist()
    return squares


def clip_coefficient(norm: float, clip_norm: float) -> float:
    """What to multiply gradients of this norm by, so that it becomes at most `clip_norm`; NaN for NaN."""
    if clip_norm == math.inf:
        return 1.0
    ratio = clip_norm / (norm + 1e-6)
    return 1.0 if ratio > 1 else ratio
