"""Which steps does Levenberg-Marquardt try? Damped ones, by the gain of the last; along a geodesic if asked."""

from __future__ import annotations

import math
from collections.abc import Callable

from onepass.groups import Array
from onepass.solve.linear_model import LinearModel, norm

#: The first damping, as a share of the largest curvature.
FIRST_DAMPING = 0.1
#: A failure raises the damping from here at least, as a share of the largest curvature.
LEAST_DAMPING = 1e-16
#: The least factor by which a good gain shrinks the damping.
LEAST_FACTOR = 0.1
#: The acceleration is taken if it is at most this share of the velocity, twice (Transtrum and Sethna 2012, eq. 15).
MOST_BEND = 0.75


class LevenbergMarquardt:
    """Minimizers of the damped model.

    A gain of 1 divides the damping by 10, one near 0 doubles it, and failures in a row multiply it by 2, 4, 8, ...
    (Nielsen, Damping parameter in Marquardt's method, IMM-REP-1999-05, eq. 2.4).

    Args:
        bend: the gradient A^T k of the residuals' second derivative k along a step p, or None for no acceleration.
    """

    def __init__(self, bend: Callable[[Array], Array | None] | None = None) -> None:
        self._bend = bend
        self._damping = math.nan  # until the first curvature is known
        self._least = 0.0
        self._growth = 2.0

    def propose(self, model: LinearModel) -> tuple[Array, Array]:
        """The next trial step, and its part without the acceleration, for which the model holds."""
        curvature = model.largest_curvature()
        self._least = LEAST_DAMPING * curvature
        if math.isnan(self._damping):
            self._damping = FIRST_DAMPING * curvature
        p = model.damped(self._damping)
        if self._bend is not None and (along := self._bend(p)) is not None:
            acceleration = 0.5 * model.damped_for(along, self._damping)
            if 2 * norm(acceleration) <= MOST_BEND * norm(p):
                return p + acceleration, p
        return p, p

    def accepted(self, gain: float, length: float) -> None:
        self._damping *= max(LEAST_FACTOR, 1 - (2 * min(gain, 1.0) - 1) ** 3)
        self._growth = 2.0

    def rejected(self, gain: float, length: float) -> None:
        self._damping = max(self._damping, self._least) * self._growth
        self._growth *= 2
