"""What is the minimizer of a quadratic model in a ball, by products alone? Exact in a Krylov space that grows."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from onepass.arrays import Array
from onepass.solve.smooth.trust_exact import exact

#: Vectors that are kept at most, and places for the first ones.
MOST, FIRST = 300, 16
#: The residual of a step that is not inexact, in shares of the gradient.
EXACT = 1e-8
#: The residual of an eigenvalue, in shares of the largest one, that tells its sign.
SURE = 0.01


def krylov(
    product: Callable[[Array], Array], g: Array, squared: float, radius: float, inexact: bool = True
) -> tuple[Array, Array, bool]:
    """An approximate minimizer z of g.z + z.H z / 2 in the ball of this radius, by Lanczos's tridiagonal matrices.

    In the space of g, H g, H^2 g, ... H is a tridiagonal matrix, whose problem is solved exactly. It stops when the
    residual, that of (H + m) z = -g, is min(1/2, sqrt|g|) times the gradient. A space that ends before may lack the
    direction of negative curvature that the hard case needs: a vector orthogonal to it begins another one.

    Args:
        product: H times a vector.
        g: the gradient, and `squared` its squared norm.
        inexact: whether that residual will do; else it is 1e-8 times the gradient.

    Returns:
        z, the residual g + H z, and whether z is on the boundary.

    Reference:
        Gould, Lucidi, Roma and Toint, Solving the trust-region subproblem using the Lanczos method, SIAM J. Optim. 9
        (1999).
    """
    enough = math.sqrt(squared) * (min(0.5, squared**0.25) if inexact else EXACT)
    most = min(g.size, MOST)
    vectors = np.empty((2, min(most, FIRST), g.size), g.dtype)
    t, b = np.zeros((most, most)), np.zeros(most)
    b[0] = math.sqrt(squared)
    q, begins, k = g / g.dtype.type(b[0]), 0, 0
    basis, products, y, at_boundary = *vectors[:, :0], b[:0], False
    while True:
        h_q = product(q)
        if not np.isfinite(h_q).all():
            break
        if k == vectors.shape[1]:
            vectors = np.concatenate([vectors, np.empty_like(vectors)], 1)
        vectors[:, k] = q, h_q
        k += 1
        basis, products = vectors[:, :k]
        t[k - 1, k - 1] = float(q @ h_q)
        y, _, at_boundary = exact(t[:k, :k], b[:k], squared, radius)
        rest = orthogonal(orthogonal(h_q, basis), basis)
        beta = float(np.linalg.norm(rest))
        ended = not beta > g.size * np.finfo(g.dtype).eps * float(np.abs(t[:k, :k]).max())
        if k == most:
            break
        if begins:
            values, directions = np.linalg.eigh(t[begins:k, begins:k])
            if ended or beta * abs(directions[-1, 0]) <= SURE * np.abs(values).max():
                break
        elif ended:
            begins, beta = k, 0.0
            rest = orthogonal(np.random.default_rng(0).standard_normal(g.size).astype(g.dtype), basis)
        elif beta * abs(y[-1]) <= enough:
            break
        q = rest / np.linalg.norm(rest)
        t[k, k - 1] = t[k - 1, k] = beta
    y = y.astype(g.dtype)
    return y @ basis, g + y @ products, at_boundary


def orthogonal(v: Array, basis: Array) -> Array:
    """v without its part in the space of an orthonormal basis."""
    rest: Array = v - (basis @ v) @ basis
    return rest
