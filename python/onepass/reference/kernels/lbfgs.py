"""What does the kernel of `onepass.solve.smooth.lbfgs` compute? The same bits, in NumPy.

The middle, of `room` columns, has the rows: `room` of the inverse of the triangle of d_i.y_j, where pair i is not
younger than pair j; `room` of y_i.y_j; one of s.y; the last gradient's products with each d, and with each y.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from onepass.arrays import Array
from onepass.reference.kernels.vectors import combine, dots


def direction(
    out: Array, g: Array, ds: Sequence[Array], ys: Sequence[Array], middle: Array, gamma: float, newest: int
) -> float:
    """out = -H g, in place; returns the inner product of out and g.

    A pair in the slot `newest` is entered first, unless that is -1. Its y must be the change from the last gradient.
    Its diagonals and s.y must be there, and the rest of its row of the inverse must be zero.
    """
    inverse, changes, curvatures, last_with_d, last_with_y = _parts(middle, len(ds))
    with_d, with_y = dots(ds, g), dots(ys, g)
    if newest >= 0:
        _enter(inverse, changes, newest, with_d - last_with_d, with_y - last_with_y)
    last_with_d[...], last_with_y[...] = with_d, with_y
    a = _times(inverse, with_d)
    b = -gamma * (_times(changes, a) - with_y) - curvatures * a
    combine(out, -gamma, g, [*_times(inverse.T, b), *(gamma * a)], [*ds, *ys])
    return float(dots([out], g)[0])


def _enter(inverse: Array, changes: Array, newest: int, with_d: Array, with_y: Array) -> None:
    """Completes the matrices by the products of the newest y with every d and every y, in place."""
    others = np.arange(len(with_d)) != newest
    inverse[others, newest] = 0
    column = np.where(others, with_d, 0.0)
    inverse[others, newest] = (-_times(inverse, column) * inverse[newest, newest])[others]
    changes[others, newest] = changes[newest, others] = with_y[others]


def _parts(middle: Array, count: int) -> tuple[Array, Array, Array, Array, Array]:
    room = middle.shape[1]
    inverse, changes = middle[:count, :count], middle[room : room + count, :count]
    return inverse, changes, middle[-3, :count], middle[-2, :count], middle[-1, :count]


def _times(matrix: Array, x: Array) -> Array:
    """The matrix times x, added from the first column on."""
    total = np.zeros(len(matrix))
    for column, number in zip(matrix.T, x, strict=True):
        total += column * number
    return total
