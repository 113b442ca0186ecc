"""When does a method begin and stop, and what does it tell? Tolerances, budgets, the user's callback, the result."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from onepass.arrays import Array
from onepass.solve.callbacks import Callback
from onepass.solve.kernels import dots
from onepass.solve.result import OptimizeResult, Status
from onepass.solve.smooth.curvature import Curvature
from onepass.solve.smooth.objective import Objective


def within(g: Array, tolerance: float) -> bool:
    """Whether no absolute value is larger than the tolerance; the norm mostly tells."""
    squared = dots((g,), g).item()
    if squared > g.size * tolerance * tolerance * (1 + 1e-6):
        return False
    return bool(max(g.max(), -g.min()) <= tolerance)


class Watch:
    """Compares with the tolerances, counts, and calls the callback after every iteration.

    Args:
        objective, curvature: the first value and gradient, what a start without gradient is, and how often each was
            asked for.
        gtol: the gradient's largest absolute value at which a point counts as stationary.
        ftol: the decrease, relative to max(|f|, 1), below which it is not worth going on; 0 for never.
        maxiter: iterations at most.
        callback: of the user, called after every iteration.
        measure: how far from stationary a gradient at x is, in place of its largest absolute value.
        is_short: whether a step from one point to another is within its tolerance; None for never.
        keeps_all: whether the result has all points, as `allvecs`.
    """

    def __init__(
        self,
        objective: Objective,
        curvature: Curvature,
        *,
        gtol: float,
        ftol: float,
        maxiter: float,
        callback: Callable[..., object] | None,
        measure: Callable[[Array, Array], float] | None = None,
        is_short: Callable[[Array, Array], bool] | None = None,
        keeps_all: bool = False,
    ) -> None:
        self._objective, self._curvature, self._measure, self._is_short = objective, curvature, measure, is_short
        self._gtol, self._ftol, self._maxiter = gtol, ftol, maxiter
        self._callback = Callback(callback) if callback is not None else None
        self._all: list[Array] | None = [] if keeps_all else None
        self.nit = 0

    def begin(self, x: Array, g: Array) -> tuple[float, float, Status | None]:
        """The value at the start and the squared norm of the gradient, which goes to g; the reason not to go on."""
        if self._all is not None:
            self._all.append(x.copy())
        objective = self._objective
        if objective.left() <= 0:  # not even one gradient by differences
            g[...] = np.nan
            return objective.value(x), math.nan, Status.MAX_EVALUATIONS
        value = objective.value_and_gradient(x, g)
        squared = dots((g,), g).item()
        if not math.isfinite(value) or not math.isfinite(squared):
            return value, squared, Status.NONFINITE_START
        if self.is_stationary(x, g):
            return value, squared, Status.GRADIENT if g.any() else self._curvature.verdict(x, g)
        return value, squared, Status.MAX_ITERATIONS if self._maxiter <= 0 else None

    def accept(self, x: Array, before: float, value: float, g: Array, start: Array) -> Status | None:
        """Counts an iteration that led from start to x; the reason to end with it."""
        self.nit += 1
        if self._all is not None:
            self._all.append(x.copy())
        if self._callback is not None and not self._callback(x, fun=value, nit=self.nit):
            return Status.CALLBACK
        if self.is_stationary(x, g):
            return Status.GRADIENT
        if self._is_short is not None and self._is_short(start, x):
            return Status.STEP
        if self._ftol and before - value <= self._ftol * max(abs(before), abs(value), 1.0):
            return Status.VALUE
        return Status.MAX_ITERATIONS if self.nit >= self._maxiter else None

    def result(self, status: Status, x: Array, value: float, g: Array, extras: dict[str, Any]) -> OptimizeResult:
        objective, differenced = self._objective, self._objective.differenced
        if differenced is not None and not differenced.free.all():
            g[~differenced.free] = np.nan  # their derivatives were not asked for
        if self._all is not None:
            extras["allvecs"] = self._all
        return OptimizeResult(
            x=x,
            fun=value,
            jac=g,
            status=status,
            nit=self.nit,
            nfev=objective.nfev,
            njev=objective.njev,
            nhev=self._curvature.nhev,
            **extras,
        )

    def is_stationary(self, x: Array, g: Array) -> bool:
        """Whether the gradient is within its tolerance."""
        return self._measure(x, g) <= self._gtol if self._measure else within(g, self._gtol)
