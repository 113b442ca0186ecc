"""What do the operations on long vectors of `onepass.solve` compute? The same bits, in NumPy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from onepass.arrays import Array
from onepass.reference.kernels.sums import lane_sums, tile_sums


def dots(rows: Sequence[Array], x: Array) -> Array:
    """The inner products of x with each of the rows: of tiles, added from the first one on."""
    return np.array([_in_order(tile_sums(row, x)) for row in rows], np.float64)


def combine(out: Array, scale: float, x: Array, weights: Sequence[float], rows: Sequence[Array]) -> None:
    """out = scale * x + weights[0] * rows[0] + weights[1] * rows[1] + ..., in this order; out may be x."""
    number = out.dtype.type
    out[...] = number(scale) * x
    for weight, row in zip(weights, rows, strict=True):
        out += number(weight) * row


def blend(y: Array, b: float, a: float, x: Array, z: Array) -> float:
    """y = b * y + a * x, in place; returns the inner product of the new y with z, which may be y or x."""
    number = y.dtype.type
    y[...] = number(b) * y + number(a) * x
    return _in_order(tile_sums(y, z))


def rank_two(h: Array, u: Array, v: Array, g: Array, out: Array) -> None:
    """The symmetric h += outer(u, v) + outer(v, u), in place, and out = h @ g with the new h."""
    h += np.multiply.outer(u, v) + np.multiply.outer(v, u)
    out[...] = lane_sums(h, np.broadcast_to(g, h.shape))


def _in_order(numbers: Sequence[float]) -> float:
    total = 0.0
    for number in numbers:
        total += number
    return total
