"""Which steps does the dogleg try? To the edge of a region: along the gradient, then towards Gauss-Newton's step."""

from __future__ import annotations

import math

from onepass.arrays import Array
from onepass.solve.squares.linear_model import LinearModel, norm


class Dogleg:
    """Powell's path (Powell 1970; Nocedal and Wright 2006, section 4.1).

    The first radius is the length of the start (Moré 1978) or of the first Cauchy step (Powell 1970), the longer one:
    the start may be zero, or so short in scaled variables that no step would seem worth while.

    Args:
        length: of the scaled start.
    """

    def __init__(self, length: float) -> None:
        self._length, self._radius = length, math.nan

    def propose(self, model: LinearModel) -> Array:
        if math.isnan(self._radius):
            self._radius = max(self._length, norm(model.cauchy()))
        newton = model.newton()
        if norm(newton) <= self._radius:
            return newton
        cauchy = model.cauchy()
        length = norm(cauchy)
        if length >= self._radius:
            return cauchy * (self._radius / length)
        leg = newton - cauchy
        a, b = leg.dot(leg), cauchy.dot(leg)
        c = (self._radius - length) * (self._radius + length)  # the positive root of a t^2 + 2 b t - c
        root = math.sqrt(b * b + a * c)
        along: Array = cauchy + (c / (b + root) if b > 0 else (root - b) / a) * leg
        return along

    def accepted(self, gain: float, length: float) -> None:
        if gain > 0.75:
            self._radius = max(self._radius, 3 * length)
        elif gain < 0.25:
            self._radius = 0.5 * length

    def rejected(self, gain: float, length: float) -> None:
        self._radius = 0.25 * min(length, self._radius)
