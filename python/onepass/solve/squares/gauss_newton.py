"""Which steps does Gauss-Newton try? The minimizer of the linear model, the shortest one, and shares of it."""

from __future__ import annotations

from onepass.arrays import Array
from onepass.solve.squares.linear_model import LinearModel

#: A share that fails is divided by 10 at most.
LEAST_FACTOR = 0.1


class GaussNewton:
    """Steps to the minimizer or, where that one fails, the share of it that minimizes a parabola.

    The parabola has the cost and the slope at 0 and the cost at the trial (Dennis and Schnabel 1983, algorithm A6.3.1).
    In units of the slope the model promises a share t a decrease of t - t^2 / 2, of which a failure gains nothing or
    less: the next share is half of t at most.
    """

    def __init__(self) -> None:
        self._share = 1.0

    def propose(self, model: LinearModel) -> Array:
        return self._share * model.newton()

    def accepted(self, gain: float, length: float) -> None:
        self._share = 1.0

    def rejected(self, gain: float, length: float) -> None:
        self._share *= max(LEAST_FACTOR, 1 / (2 - gain * (2 - self._share)))
