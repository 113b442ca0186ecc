"""What does a method of least squares work on? The functions, the bounds, and when to stop."""

from __future__ import annotations

from dataclasses import dataclass

from onepass.solve.callbacks import Callback
from onepass.solve.squares.losses import Loss
from onepass.solve.squares.point import Scale
from onepass.solve.squares.residuals import Bounds, Residuals
from onepass.solve.squares.settings import Tolerances


@dataclass(frozen=True)
class Fit:
    """All but the point.

    Attributes:
        stop: ftol, xtol and gtol.
        budget: calls of residuals.
        proceed: called after each step; whether to go on.
    """

    residuals: Residuals
    loss: Loss
    bounds: Bounds
    scale: Scale
    stop: Tolerances
    budget: int
    proceed: Callback
