"""Which steps does Levenberg-Marquardt try where they are dear? One damping per trial, by how the last one went."""

from __future__ import annotations

import math
from typing import Any

from onepass.arrays import Array
from onepass.solve.squares.linear_model import EPS, norm

#: The first damping, and the smallest, beside the largest curvature.
FIRST, LEAST = 1e-3, EPS**2
#: The factor of the damping after a step that gains what the model promised, and the largest one after a failure.
BEST, WORST = 0.1, 100.0
#: The least damping after a failure, as a share of that with which no step is as long.
SHARE = 1e-3


class DampedSteps:
    """Steps that minimize |A p + f|^2 + damping |p|^2.

    The damping follows the gains smoothly (Nielsen 1999, IMM-REP-1999-05), but falls faster than his, to end as
    Gauss-Newton's steps; a failure raises it by as much as it was worse than what was promised.
    """

    def __init__(self) -> None:
        self._damping, self._growth, self._slope = math.nan, 2.0, 0.0

    def propose(self, model: Any) -> Array:
        if math.isnan(self._damping):
            self._damping = FIRST * model.curvature
        self._damping = max(self._damping, LEAST * model.curvature)
        self._slope = norm(model.gradient)
        p: Array = model.damped(self._damping)
        return p

    def accepted(self, gain: float, length: float) -> None:
        self._damping *= max(BEST, 1 - (2 * min(gain, 1.0) - 1) ** 3)
        self._growth = 2.0

    def rejected(self, gain: float, length: float) -> None:
        factor = max(self._growth, min(1 - gain, WORST))
        least = SHARE * self._slope / length if length > 0 else 0.0
        self._damping = max(self._damping * factor, least)
        self._growth *= 2
