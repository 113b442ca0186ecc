"""Which steps does the dogleg try? To the edge of a region: along the gradient, then towards Gauss-Newton's step."""

from __future__ import annotations

import math

from onepass.groups import Array
from onepass.solve.linear_model import LinearModel, norm

#: The first radius: so many lengths of the start or, if that is 0, so long.
FIRST_RADIUS = 1.0


class Dogleg:
    """Powell's path (Powell 1970; Nocedal and Wright 2006, section 4.1).

    Args:
        length: of the scaled start.
    """

    def __init__(self, length: float) -> None:
        self._radius = FIRST_RADIUS * length if length > 0 else FIRST_RADIUS

    def propose(self, model: LinearModel) -> tuple[Array, Array]:
        p = self._step(model)
        return p, p

    def _step(self, model: LinearModel) -> Array:
        newton = model.damped(0.0)
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
