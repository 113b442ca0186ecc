"""Which steps does Gauss-Newton try? The minimizer of the linear model, the shortest one, and shares of it."""

from __future__ import annotations

from onepass.arrays import Array
from onepass.solve.squares.linear_model import LinearModel

#: A share that fails is divided by 10 at most.
LEAST_FACTOR = 0.1
#: A step that gains this share of what the model promised is followed by a whole one.
ENOUGH = 0.75


class GaussNewton:
    """Steps to the minimizer, or the share of it that minimized a parabola along the trial before.

    The parabola has the cost and the slope at 0 and the cost at the trial (Dennis and Schnabel 1983, algorithm A6.3.1).
    In units of the slope the model promises a share t a decrease of t - t^2 / 2, of which a failure gains nothing or
    less: the next share is half of t at most. A success is followed by a whole step, but by that share too if it gained
    little: where residuals are large, or differences are at their noise, whole steps gain little for ever.
    """

    def __init__(self) -> None:
        self._share = 1.0

    def propose(self, model: LinearModel) -> Array:
        return self._share * model.newton()

    def accepted(self, gain: float, length: float) -> None:
        self._share = 1.0 if gain >= ENOUGH else min(1.0, self._share * self._factor(gain))

    def rejected(self, gain: float, length: float) -> None:
        self._share *= max(LEAST_FACTOR, self._factor(gain))

    def _factor(self, gain: float) -> float:
        """What makes the share that of the parabola's minimum; finite, as the gain is below 1."""
        return 1 / (2 - gain * (2 - self._share))
