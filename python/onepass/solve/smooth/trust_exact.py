"""What is the minimizer of a quadratic model in a ball? Exactly, by the Hessian's eigenvalues, the hard case too."""

from __future__ import annotations

import math

import numpy as np

from onepass.arrays import Array


def exact(h: Array, g: Array, squared: float, radius: float, iterations: int = 100) -> tuple[Array, Array, bool]:
    r"""The minimizer z of g.z + z.H z / 2 in the ball of this radius: (H + m) z = -g, with H + m positive semidefinite.

    If H is positive definite and its minimizer in the ball, m = 0. Else z is on the boundary, where m is the root of
    :math:`|(H + m)^{-1} g| = \Delta`; in the hard case, where even the largest z of these is shorter, an eigenvector of
    the lowest eigenvalue leads to the boundary.

    Args:
        iterations: of Newton's method for m at most; it takes a few, and what it has then is put on the boundary.

    Returns:
        z, the residual g + H z, and whether z is on the boundary.

    Reference:
        More and Sorensen, Computing a trust region step, SIAM J. Sci. Stat. Comput. 4 (1983).
    """
    matrix, vector = h.astype(np.float64), g.astype(np.float64)
    found = inside(matrix, vector, radius)
    z, at_boundary = (found, False) if found is not None else by_eigenvalues(matrix, vector, radius, iterations)
    return z.astype(g.dtype), (vector + matrix @ z).astype(g.dtype), at_boundary


def inside(h: Array, g: Array, radius: float) -> Array | None:
    """-H^-1 g, if H is positive definite and that is in the ball."""
    try:
        np.linalg.cholesky(h)
        z: Array = np.linalg.solve(h, -g)
    except np.linalg.LinAlgError:
        return None
    return z if np.linalg.norm(z) <= radius else None


def by_eigenvalues(h: Array, g: Array, radius: float, iterations: int) -> tuple[Array, bool]:
    """z in the basis of eigenvectors, and whether it is on the boundary; zero for a radius next to nothing.

    The unknown is n = m + the lowest eigenvalue, from which the others differ by gaps: so no digits are lost where it
    is next to zero. The unit of length is the radius.
    """
    eigenvalues, vectors = np.linalg.eigh(h)
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        b = vectors.T @ g / radius
    lowest, gaps = float(eigenvalues[0]), eigenvalues - eigenvalues[0]
    # In the last one a single component alone is as long as the radius, so that the root is not below.
    n = max(lowest, 0.0, float((np.abs(b) - gaps).max()))
    z = np.zeros_like(g)
    if not math.isfinite(n):
        return z, True
    shared = b != 0
    b, below = b[shared], gaps[shared]
    found = -b / (below + n)
    length = float(np.linalg.norm(found))
    if length <= 1:
        z[shared] = found
        if lowest < 0 and n == 0:
            z[0] = math.sqrt(1 - length * length)
        return vectors @ z * radius, n > lowest
    for _ in range(iterations):
        step = (length - 1) * length * length / float((found * found / (below + n)).sum())
        if not step > 0 or n + step == n:
            break
        n += step
        found = -b / (below + n)
        length = float(np.linalg.norm(found))
    z[shared] = found
    return vectors @ z * (radius / length), True
