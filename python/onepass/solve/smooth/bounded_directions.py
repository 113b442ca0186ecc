"""Which directions have Newton's and the quasi-Newton methods within bounds? To where their quadratic model leads."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from onepass.arrays import Array
from onepass.solve.kernels import dots, rank_two
from onepass.solve.smooth.box import Hessian, Limits, Minimizer, step_within
from onepass.solve.smooth.descent import FreshDirections, Move
from onepass.solve.smooth.newton import newtons
from onepass.solve.smooth.quasi_newton import LARGE, UPDATES, as_before


class Bounded(FreshDirections):
    """Directions d such that x + d is within bounds, from a method's model.

    Args:
        hessian: what the method knows of it at x, where the gradient is g.
        minimizer: of the method's model, where there are no bounds; the radius is infinite.
    """

    def __init__(self, hessian: Callable[[Array, Array], Hessian], minimizer: Minimizer, limits: Limits) -> None:
        super().__init__()
        self._hessian, self._minimizer, self.limits = hessian, minimizer, limits

    def direction(self, x: Array, g: Array) -> Array | None:
        assert self.limits is not None
        h = self._hessian(x, g)
        if isinstance(h, np.ndarray) and not np.isfinite(h).all():
            return None
        d, _ = step_within(h, x, g, self.limits, self._minimizer)
        return d


class BoundedQuasiNewton(Bounded):
    """BFGS and DFP with the Hessian B itself, of which a part, unlike one of its inverse, is that of free variables.

    B's update by one is the inverse's by the other, with the step and the change of the gradient in exchange (Nocedal
    and Wright 2006, section 6.1).
    """

    def __init__(self, size: int, dtype: np.dtype[Any], update: str, initial: Array | None, limits: Limits) -> None:
        super().__init__(lambda x, g: self._b, lambda h, g, squared, radius: newtons(h, g), limits)
        self._update = UPDATES["dfp" if update == "bfgs" else "bfgs"]
        self._initial = initial
        self._scaled = initial is None and (update == "dfp" or size >= LARGE)
        self._b = np.eye(size, dtype=dtype) if initial is None else np.linalg.inv(initial)
        self._fresh = initial is None
        self._tiny = float(np.finfo(dtype).tiny)

    def start(self, x: Array, g: Array, squared: float) -> tuple[Array, float]:
        return self._first(x, g) if self._initial is None else self._checked(x, g)

    def forget(self, squared: float) -> None:
        super().forget(squared)
        self._b[...] = np.eye(len(self._b))
        self._fresh = True

    def next(self, move: Move) -> tuple[Array, float, Array]:
        s, y = move.step * move.d, move.new_g - move.old_g
        s_y, y_y = dots((s, y), y).tolist()
        if s_y > self._tiny and 0 < y_y < math.inf:
            if self._fresh and (self._scaled or s_y > y_y):
                np.fill_diagonal(self._b, y_y / s_y)
            self._fresh = False
            q = self._b @ s
            s_q = dots((q,), s).item()
            if s_q > 0:
                u, v = (a * y + b * q for a, b in self._update(s_y, s_q))
                rank_two(self._b, u, v, s, q)
        return super().next(move)

    def guess(self, move: Move | None, slope: float) -> float:
        if self.steepest or self._scaled or move is None:
            return super().guess(move, slope)
        return as_before(move, slope)

    def extras(self) -> dict[str, Any]:
        """hess_inv, the inverse of the matrix."""
        return {"hess_inv": np.linalg.inv(self._b)}
