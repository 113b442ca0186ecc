"""The minimizer of a quadratic model in a ball, by bisection for its multiplier, in the whole space or in Krylov's."""

from __future__ import annotations

import math

import numpy as np
from numpy.linalg import norm

from onepass.arrays import Array


def more_sorensen(h: Array, g: Array, radius: float) -> Array:
    """z with (H + m) z = -g, H + m positive semidefinite, and m = 0 or |z| the radius (More and Sorensen 1983).

    The hard case, in which g is orthogonal to the eigenvectors of the lowest eigenvalue, is left out.
    """
    identity = np.eye(g.size)

    def step(m: float) -> Array:
        z: Array = np.linalg.solve(h + m * identity, -g)
        return z

    lowest = float(np.linalg.eigvalsh(h)[0])
    if lowest > 0 and norm(step(0.0)) <= radius:
        return step(0.0)
    low = max(0.0, -lowest)
    high = low + float(norm(g)) / radius  # where all eigenvalues are at least |g| / radius
    while low < (middle := (low + high) / 2) < high:
        low, high = (middle, high) if norm(step(middle)) > radius else (low, middle)
    return step(high)


def krylov(h: Array, g: Array, radius: float) -> Array:
    """The same in the spaces of g, H g, H^2 g, ..., until the residual is min(1/2, sqrt|g|) |g| (Gould et al. 1999)."""
    basis = (g / norm(g))[:, None]
    while True:
        z: Array = basis @ more_sorensen(basis.T @ h @ basis, basis.T @ g, radius)
        next_one = h @ basis[:, -1]
        for _ in range(2):
            next_one = next_one - basis @ (basis.T @ next_one)
        m = -(z @ (g + h @ z)) / (z @ z)
        if basis.shape[1] == g.size or norm(g + h @ z + m * z) <= min(0.5, math.sqrt(norm(g))) * norm(g):
            return z
        basis = np.column_stack([basis, next_one / norm(next_one)])
