"""The truncated Newton method, as in the paper: conjugate gradients on H z = -g, stopped early."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.linalg import norm

from onepass.arrays import Array
from onepass.reference.textbook.descent import Move, Rule


def steihaug(h: Array, g: Array, radius: float = math.inf) -> Array:
    """An approximate minimizer z of g.z + z.H z / 2 in a ball (Steihaug 1983; Nocedal and Wright 2006, algorithm 7.2).

    It is truncated at a residual of min(1/2, sqrt|g|) |g| (eq. 7.3). Without a ball and at negative curvature it is the
    last z, or -g if there is none yet (algorithm 7.1). Beyond the textbook: there are no more than max(20, 2 n) steps.
    """
    z, r, d = np.zeros_like(g), g, -g
    for _ in range(max(20, 2 * g.size)):
        curvature = d @ h @ d
        if curvature <= 0:
            if radius == math.inf:
                return z if z.any() else d
            return to_boundary(z, d, radius)
        alpha = r @ r / curvature
        if norm(z + alpha * d) >= radius:
            return to_boundary(z, d, radius)
        z = z + alpha * d
        old_r, r = r, r + alpha * (h @ d)
        if norm(r) <= min(0.5, math.sqrt(norm(g))) * norm(g):
            break
        d = -r + (r @ r) / (old_r @ old_r) * d
    return z


def to_boundary(z: Array, d: Array, radius: float) -> Array:
    """z + tau d, of the length of the radius, with tau >= 0."""
    a, b, c = d @ d, z @ d, z @ z - radius**2
    reached: Array = z + (-b + math.sqrt(b * b - a * c)) / a * d
    return reached


class NewtonCG(Rule):
    def __init__(self, hess: Callable[[Array], Array]) -> None:
        self.hess = hess

    def direction(self, x: Array, g: Array, move: Move | None) -> Array | None:
        return steihaug(self.hess(x), g)
