"""When does a method stop, and what does it tell? Tolerances, budgets, the user's callback and the result."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from onepass.arrays import Array
from onepass.solve.callbacks import Callback
from onepass.solve.kernels import dots
from onepass.solve.result import OptimizeResult, Status
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
        objective: for its counts.
        gtol: the gradient's largest absolute value at which a point counts as stationary.
        ftol: the decrease, relative to max(|f|, 1), below which it is not worth going on; 0 for never.
        maxiter: iterations at most.
        maxfun: evaluations of the objective at most, those for differences included.
        callback: of the user, called after every iteration.
        measure: how far from stationary a gradient at x is, in place of its largest absolute value.
    """

    def __init__(
        self,
        objective: Objective,
        *,
        gtol: float,
        ftol: float,
        maxiter: float,
        maxfun: float,
        callback: Callable[..., object] | None,
        measure: Callable[[Array, Array], float] | None = None,
    ) -> None:
        self._objective, self._measure = objective, measure
        self._gtol, self._ftol, self._maxiter, self._maxfun = gtol, ftol, maxiter, maxfun
        self._callback = Callback(callback) if callback is not None else None
        self.nit = 0

    def evaluations_left(self) -> int:
        """How often value and gradient may still be asked for."""
        if self._maxfun == math.inf:
            return 1 << 62
        return int((self._maxfun - self._objective.nfev) // self._objective.cost)

    def start(self, x: Array, value: float, g: Array, squared: float) -> Status | None:
        """The reason not to begin at all."""
        if not math.isfinite(value) or not math.isfinite(squared):
            return Status.NONFINITE_START
        if self._stationary(x, g):
            return Status.GRADIENT
        return Status.MAX_ITERATIONS if self._maxiter <= 0 else None

    def accept(self, x: Array, before: float, value: float, g: Array) -> Status | None:
        """Counts an iteration that led to x; the reason to end with it."""
        self.nit += 1
        if self._callback is not None and not self._callback(x, fun=value, nit=self.nit):
            return Status.CALLBACK
        if self._stationary(x, g):
            return Status.GRADIENT
        if self._ftol and before - value <= self._ftol * max(abs(before), abs(value), 1.0):
            return Status.VALUE
        return Status.MAX_ITERATIONS if self.nit >= self._maxiter else None

    def result(self, status: Status, x: Array, value: float, g: Array, extras: dict[str, Any]) -> OptimizeResult:
        objective = self._objective
        return OptimizeResult(
            x=x,
            fun=value,
            jac=g,
            status=status,
            nit=self.nit,
            nfev=objective.nfev,
            njev=objective.njev,
            nhev=objective.nhev,
            **extras,
        )

    def _stationary(self, x: Array, g: Array) -> bool:
        return self._measure(x, g) <= self._gtol if self._measure else within(g, self._gtol)
