"""What is asked of all gradients together? Whether they are finite, their norm, and how far it must be clipped."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from onepass.arrays import Array
from onepass.reference.formulas.elementwise import maximum, minimum
from onepass.reference.kernels.sums import tile_sums


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
        for square in tile_sums(gradient, gradient):
            total += square
    return total


def clip_coefficient(norm: float, clip_norm: float) -> float:
    """What to multiply gradients of this norm by, so that it becomes at most `clip_norm`; NaN for NaN."""
    if clip_norm == math.inf:
        return 1.0
    ratio = clip_norm / (norm + 1e-6)
    return 1.0 if ratio > 1 else ratio
