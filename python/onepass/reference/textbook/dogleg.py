"""Powell's dogleg, as in the book: along the gradient to the Cauchy point, then towards Gauss-Newton's step."""

from __future__ import annotations

import math

from numpy.linalg import norm

from onepass.arrays import Array
from onepass.reference.textbook.gauss_newton import shortest_minimizer
from onepass.reference.textbook.newton_cg import to_boundary


class Dogleg:
    """The end of the path in a ball (Powell 1970; Nocedal and Wright 2006, eq. 4.16).

    The ball is first as large as the start is long (Moré 1978), or as the Cauchy step (Powell 1970) if that is longer.
    """

    def __init__(self, start: Array) -> None:
        self.start, self.radius = start, math.nan

    def step(self, a: Array, f: Array, scale: Array | float = 1.0) -> Array:
        g = a.T @ f
        cauchy: Array = -(g @ g) / (a @ g @ (a @ g)) * g
        if math.isnan(self.radius):
            self.radius = float(max(norm(self.start), norm(cauchy)))
        newton = shortest_minimizer(a, f)
        if norm(newton) <= self.radius:
            return newton
        if norm(cauchy) >= self.radius:
            return self.radius / math.sqrt(cauchy @ cauchy) * cauchy
        return to_boundary(cauchy, newton - cauchy, self.radius)

    def accepted(self, gain: float, length: float) -> None:
        """The ball grows to three steps, or shrinks to half of one."""
        if gain > 0.75:
            self.radius = max(self.radius, 3 * length)
        elif gain < 0.25:
            self.radius = length / 2

    def rejected(self, gain: float, length: float) -> None:
        self.radius = min(length, self.radius) / 4
