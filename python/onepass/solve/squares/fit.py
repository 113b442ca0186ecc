"""What does a method of least squares work on? The functions, the bounds, and when to stop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

from onepass.solve.callbacks import Callback
from onepass.solve.result import Status
from onepass.solve.squares.losses import Loss
from onepass.solve.squares.point import Point, Scale
from onepass.solve.squares.residuals import Bounds, Residuals

#: The relative error of a cost that rounding may cause.
ROUNDING = 1e-14
#: What ftol, xtol and gtol are at least while differences are simple ones: their error is as large.
ROUGH = (1e-12, 1e-8, 1e-8)


@dataclass(frozen=True)
class Fit:
    """All but the point.

    Attributes:
        tolerances: ftol, xtol and gtol.
        budget: calls of the residuals.
        proceed: called after each step; whether to go on.
        is_rough: another run follows, so that the last point needs no derivatives.
    """

    residuals: Residuals
    loss: Loss
    bounds: Bounds
    scale: Scale
    tolerances: tuple[float, float, float]
    budget: int
    proceed: Callback
    is_rough: bool = False

    def roughly(self) -> Fit:
        """The same with tolerances that simple differences are good for."""
        ftol, xtol, gtol = map(max, self.tolerances, ROUGH)
        return replace(self, tolerances=(ftol, xtol, gtol), is_rough=True)

    def leaves(self, calls: int) -> bool:
        """Whether so many calls are left."""
        return self.residuals.nfev + calls <= self.budget


class Found(NamedTuple):
    """Where a method ended, why, and after how many steps."""

    point: Point
    status: Status
    nit: int


#: A method: from a point, reached after so many steps.
Run = Callable[[Fit, Point, int], Found]
