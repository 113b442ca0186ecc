"""Which direction have BFGS and DFP? Minus the gradient times an inverse Hessian, built from steps and their gradients.

Both updates add two outer products, u v^T + v u^T. One is left pending until the next gradient is there: then a single
pass over the matrix adds it and multiplies, and the product with the matrix that follows needs the two vectors alone.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from onepass.arrays import Array
from onepass.solve.kernels import blend, combine, dots, rank_two
from onepass.solve.smooth.descent import Move, cautious


def bfgs(s_y: float, y_q: float) -> tuple[tuple[float, float], tuple[float, float]]:
    r"""H + (1 + y.q / s.y) s s^T / s.y - (s q^T + q s^T) / s.y, where q = H y, as u v^T + v u^T.

    Returns:
        The weights of s and q in u, and in v (Nocedal and Wright 2006, eq. 6.17).
    """
    return (1.0, 0.0), (0.5 * (1 + y_q / s_y) / s_y, -1 / s_y)


def dfp(s_y: float, y_q: float) -> tuple[tuple[float, float], tuple[float, float]]:
    r"""H + s s^T / s.y - q q^T / y.q, where q = H y, as u v^T + v u^T (Nocedal and Wright 2006, eq. 6.15)."""
    a, b = 1 / math.sqrt(s_y), 1 / math.sqrt(y_q)
    return (0.5 * a, -0.5 * b), (a, b)


#: From so many variables on, the identity is scaled.
LARGE = 100

UPDATES = {"bfgs": bfgs, "dfp": dfp}


def as_before(move: Move, slope: float) -> float:
    """The first trial with a matrix that is too large yet: the first-order change is that of the last step."""
    return min(1.0, 1.01 * 2 * move.decrease / -slope) if move.decrease > 0 else 1.0


class QuasiNewton:
    """Directions d = -H g with a dense H, which begins as the identity or as the user's matrix.

    The identity is scaled when the first change of the gradient is known: by DFP always, by BFGS where it is too small,
    or large. The scale is that of the stiffest direction, and a few others are learned sooner from steps that are too
    long.
    """

    def __init__(self, size: int, dtype: np.dtype[Any], update: str, initial: Array | None = None) -> None:
        self._update = UPDATES[update]
        self._initial = initial
        self._scaled = initial is None and (update == "dfp" or size >= LARGE)
        self._h = np.zeros((size, size), dtype)
        self._u, self._v, self._product, self._change = np.zeros((4, size), dtype)
        self._tiny = float(np.finfo(dtype).tiny)
        self.steepest = True

    def start(self, x: Array, g: Array, squared: float) -> tuple[Array, float]:
        if self._initial is None:
            self.forget(squared)
            return -g, -squared
        self._h[...] = self._initial
        self.steepest = False
        d: Array = -self._h @ g
        return d, dots((d,), g).item()

    def forget(self, squared: float) -> None:
        self._identity(1.0)
        self.steepest = True

    def next(self, move: Move) -> tuple[Array, float, Array]:
        d, g, y, product, q = move.d, move.new_g, move.old_g, self._product, self._change
        y_y = blend(y, -1.0, 1.0, g, y)
        s_y = move.step * (move.slope_after - move.slope_before)
        usable = s_y > self._tiny and 0 < y_y < math.inf
        if self.steepest and usable and (self._scaled or s_y > y_y):
            self._identity(s_y / y_y)  # Nocedal and Wright 2006, eq. 6.20
            gamma = self._h[0, 0].item()
            combine(product, gamma, g, (), ())
            combine(q, gamma, y, (), ())
        else:
            rank_two(self._h, self._u, self._v, g, product)
            combine(q, 1.0, product, (1.0,), (d,))  # d = -H g for the last g, so that this is H y
        free, v = self._u, self._v
        y_q = dots((q,), y).item()
        if usable and y_q > 0:
            (us, uq), (vs, vq) = self._update(s_y, y_q)
            combine(v, vs * move.step, d, (vq,), (q,))
            combine(d, us * move.step, d, (uq,), (q,))
            self._u = d
            g_u, g_v = dots((d, v), g).tolist()
            combine(free, -1.0, product, (-g_v, -g_u), (d, v))
        else:
            self._u[...] = 0
            v[...] = 0
            self._u = d
            d[...] = 0
            combine(free, -1.0, product, (), ())
        slope = dots((free,), g).item()
        self.steepest = not -math.inf < slope < 0
        if self.steepest:
            squared = dots((g,), g).item()
            self._identity(1.0)
            combine(free, -1.0, g, (), ())
            slope = -squared
        return free, slope, y

    def guess(self, move: Move | None, slope: float) -> float:
        if self.steepest:
            return cautious(slope)
        return 1.0 if self._scaled or move is None else as_before(move, slope)

    def extras(self) -> dict[str, Any]:
        """hess_inv, the matrix with the update that is pending."""
        rank_two(self._h, self._u, self._v, self._v, self._product)
        self._u[...] = 0
        return {"hess_inv": self._h}

    def _identity(self, scale: float) -> None:
        self._h[...] = 0
        np.fill_diagonal(self._h, scale)
        self._u[...] = 0
        self._v[...] = 0
