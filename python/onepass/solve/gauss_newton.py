"""Which steps does Gauss-Newton try? The minimizer of the linear model, the shortest one, and halves of it."""

from __future__ import annotations

from onepass.groups import Array
from onepass.solve.linear_model import LinearModel


class GaussNewton:
    """Steps to the minimizer, halved until the cost decreases."""

    def __init__(self) -> None:
        self._share = 1.0

    def propose(self, model: LinearModel) -> tuple[Array, Array]:
        p = self._share * model.damped(0.0)
        return p, p

    def accepted(self, gain: float, length: float) -> None:
        self._share = 1.0

    def rejected(self, gain: float, length: float) -> None:
        self._share *= 0.5
