"""Which direction has Newton's method? The exact Hessian's, made positive definite where it is not."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from onepass.groups import Array
from onepass.solve.descent import Move, cautious
from onepass.solve.kernels import dots
from onepass.solve.objective import Objective


#: A pivot below this many machine numbers of the largest one counts as zero.
SINGULAR = 16.0


def positive(h: Array) -> Array:
    """H, or H plus a diagonal that makes it positive definite."""
    try:
        pivots = np.diagonal(np.linalg.cholesky(h)) ** 2
    except np.linalg.LinAlgError:
        return h + np.diag(modification(h))
    safe = pivots.min() > SINGULAR * np.finfo(h.dtype).eps * pivots.max()
    return h if safe else h + np.diag(modification(h))


def modification(h: Array) -> Array:
    r"""The diagonal E of the modified Cholesky factorization P (H + E) P^T = L D L^T, zero where H is safely positive.

    Pivots are the largest diagonals. D is at least a few machine epsilons times the size of H, and no element of L sqrt(D)
    exceeds a bound that keeps E small.

    Reference:
        Gill, Murray and Wright, Practical Optimization (1981), section 4.4.2.2.
    """
    size = len(h)
    eps = float(np.finfo(h.dtype).eps)
    diagonal = np.diagonal(h)
    gamma = float(np.abs(diagonal).max())
    xi = float(np.abs(h - np.diag(diagonal)).max())
    delta = SINGULAR * size * eps * max(gamma + xi, 1.0)
    bound = max(gamma, xi / max(1.0, float(np.sqrt(size * size - 1.0))), eps)
    rest = np.array(h)  # what is left of H when the columns that are done are taken out
    added, order = np.empty_like(diagonal), np.arange(size)
    for j in range(size):
        pivot = j + int(np.abs(np.diagonal(rest)[j:]).argmax())
        if pivot != j:
            rest[[j, pivot]] = rest[[pivot, j]]
            rest[:, [j, pivot]] = rest[:, [pivot, j]]
            order[[j, pivot]] = order[[pivot, j]]
        column = rest[j + 1 :, j].copy()
        theta = float(np.abs(column).max(initial=0.0))
        d = max(abs(float(rest[j, j])), theta * theta / bound, delta)
        added[order[j]] = d - rest[j, j]
        rest[j + 1 :, j + 1 :] -= np.multiply.outer(column / d, column)
    return added


class Newton:
    """Directions d = -(H + E)^-1 g."""

    def __init__(self, objective: Objective) -> None:
        self._objective = objective
        self.steepest = False

    def start(self, x: Array, g: Array, squared: float) -> tuple[Array, float]:
        return self._direction(x, g)

    def forget(self, squared: float) -> None:
        self.steepest = True

    def next(self, move: Move) -> tuple[Array, float, Array]:
        d, slope = self._direction(move.x, move.new_g)
        return d, slope, move.old_g

    def guess(self, move: Move | None, slope: float) -> float:
        return cautious(slope) if self.steepest else 1.0

    def extras(self) -> dict[str, Any]:
        return {}

    def _direction(self, x: Array, g: Array) -> tuple[Array, float]:
        h = self._objective.hessian(x)
        if np.isfinite(h).all():
            d = np.linalg.solve(positive(h), -g)
            slope = dots((d,), g).item()
            if -math.inf < slope < 0:
                self.steepest = False
                return d, slope
        self.steepest = True
        return -g, -dots((g,), g).item()
