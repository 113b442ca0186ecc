"""Which direction has Newton's method? The exact Hessian's, made positive definite where it is not."""

from __future__ import annotations

import numpy as np

from onepass.arrays import Array
from onepass.solve.smooth.curvature import Curvature
from onepass.solve.smooth.descent import FreshDirections

#: A pivot below this many machine numbers of the largest one counts as zero.
SINGULAR = 16.0


def positive(h: Array) -> Array:
    """H, or H plus a diagonal that makes it positive definite."""
    try:
        pivots = np.diagonal(np.linalg.cholesky(h)) ** 2
        safe = pivots.min() > SINGULAR * np.finfo(h.dtype).eps * pivots.max()
    except np.linalg.LinAlgError:
        safe = False
    made: Array = h if safe else h + np.diag(modification(h))
    return made


def modification(h: Array) -> Array:
    r"""The diagonal E of the modified Cholesky factorization P (H + E) P^T = L D L^T, zero where H is safely positive.

    Pivots are the largest diagonals. D is at least a few machine epsilons times the size of H, and no element of L
    sqrt(D) exceeds a bound that keeps E small.

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


def newtons(h: Array, g: Array) -> Array:
    """-(H + E)^-1 g."""
    d: Array = np.linalg.solve(positive(h), -g)
    return d


class Newton(FreshDirections):
    """Directions of `newtons`."""

    def __init__(self, curvature: Curvature) -> None:
        super().__init__()
        self._curvature = curvature

    def direction(self, x: Array, g: Array) -> Array | None:
        h = self._curvature.matrix(x, g)
        return newtons(h, g) if np.isfinite(h).all() else None
