"""What does a method of least squares work on? The functions, the bounds, and when to stop."""

from __future__ import annotations

import math
from collections.abc import Callable
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
#: Of `Fit.settled`.
NEVER, ALWAYS = -1.0, math.inf


class Fit(NamedTuple):
    """All but the point.

    Attributes:
        tolerances: ftol, xtol and gtol.
        proceed: called after each step, whether to go on; or None.
        settled: a point needs no derivatives of its own where a criterion of the step ended the run, and the largest
            cosine before that step was at most this.
    """

    residuals: Residuals
    loss: Loss
    bounds: Bounds
    scale: Scale
    tolerances: tuple[float, float, float]
    proceed: Callback | None
    settled: float = NEVER

    def roughly(self) -> Fit:
        """The same with tolerances that simple differences are good for, where another run follows."""
        residuals, loss, bounds, scale, (ftol, xtol, gtol), proceed, _ = self
        tolerances = max(ftol, ROUGH[0]), max(xtol, ROUGH[1]), max(gtol, ROUGH[2])
        return Fit(residuals, loss, bounds, scale, tolerances, proceed, ALWAYS)

    @property
    def is_rough(self) -> bool:
        """Whether another run follows."""
        return self.settled == ALWAYS

    def leaves(self, calls: int) -> bool:
        """Whether so many calls are left."""
        return self.residuals.nfev + calls <= self.residuals.budget


class Found(NamedTuple):
    """Where a method ended, why, and after how many steps."""

    point: Point
    status: Status
    nit: int


#: A method: from a point, reached after so many steps.
Run = Callable[[Fit, Point, int], Found]
