"""Which direction has the truncated Newton method? Conjugate gradients on Newton's equation, stopped early."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from onepass.arrays import Array
from onepass.solve.kernels import blend, combine, dots
from onepass.solve.smooth.curvature import Curvature
from onepass.solve.smooth.descent import FreshDirections


def truncated(
    product: Callable[[Array], Array], g: Array, squared: float, radius: float = math.inf
) -> tuple[Array, Array, bool]:
    """An approximate minimizer z of g.z + z.H z / 2 in the ball of this radius, by Steihaug's conjugate gradients.

    It stops when the residual is min(1/2, sqrt|g|) times the gradient, which makes Newton's method superlinear, at the
    boundary, or at a direction of negative curvature, which it follows to the boundary if there is one.

    Args:
        product: H times a vector.
        g: the gradient, and `squared` its squared norm.

    Returns:
        z, the residual g + H z, and whether z is on the boundary.

    Reference:
        Steihaug, SIAM J. Numer. Anal. 20 (1983); Nocedal and Wright 2006, algorithms 7.1 and 7.2.
    """
    enough = squared * min(0.25, math.sqrt(squared))
    z, r, d = np.zeros_like(g), g.copy(), -g
    z_z = z_d = 0.0
    d_d = r_r = squared
    for _ in range(max(20, 2 * g.size)):
        h_d = product(d)
        curvature = dots((h_d,), d).item()
        if not curvature > 0:
            if radius == math.inf:
                if z_z == 0:
                    combine(z, 1.0, d, (), ())
                return z, r, False
            return *to_boundary(z, r, d, h_d, z_z, z_d, d_d, radius), True
        alpha = r_r / curvature
        ahead = z_z + 2 * alpha * z_d + alpha * alpha * d_d
        if ahead >= radius * radius:
            return *to_boundary(z, r, d, h_d, z_z, z_d, d_d, radius), True
        z_z = ahead
        combine(z, 1.0, z, (alpha,), (d,))
        before, r_r = r_r, blend(r, 1.0, alpha, h_d, r)
        if r_r <= enough:
            break
        beta = r_r / before
        z_d = beta * (z_d + alpha * d_d)
        d_d = r_r + beta * beta * d_d
        combine(d, beta, d, (-1.0,), (r,))
    return z, r, False


def to_boundary(
    z: Array, r: Array, d: Array, h_d: Array, z_z: float, z_d: float, d_d: float, radius: float
) -> tuple[Array, Array]:
    """z and its residual, moved along d until |z| is the radius."""
    missing = radius * radius - z_z
    tau = missing / (z_d + math.sqrt(z_d * z_d + d_d * missing))
    combine(z, 1.0, z, (tau,), (d,))
    combine(r, 1.0, r, (tau,), (h_d,))
    return z, r


class NewtonCG(FreshDirections):
    """Directions of `truncated`, with products from the Hessian, from hessp or from differences of gradients."""

    def __init__(self, curvature: Curvature) -> None:
        super().__init__()
        self._curvature = curvature

    def direction(self, x: Array, g: Array) -> Array:
        d, _, _ = truncated(self._curvature.product(x, g), g, dots((g,), g).item())
        return d
