"""What do the methods with a line search share? The loop: a direction, a step along it, and the reasons to stop."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from onepass.arrays import Array
from onepass.solve.kernels import combine, dots
from onepass.solve.result import OptimizeResult, Status
from onepass.solve.smooth.box import Limits, place, projected_step, room
from onepass.solve.smooth.line_search import LARGEST, Outcome, Wolfe
from onepass.solve.smooth.objective import Objective
from onepass.solve.smooth.watch import Watch


@dataclass(slots=True)
class Move:
    """A step that was taken: its length along d, slopes and gradients at both ends, the decrease, and where it led."""

    step: float
    d: Array
    slope_before: float
    slope_after: float
    decrease: float
    old_g: Array
    new_g: Array
    x: Array


class Rule(Protocol):
    """A method: which direction comes next, and which step length is tried first."""

    #: Whether the last direction was -g, so that there is nothing left to forget.
    steepest: bool

    def start(self, x: Array, g: Array, squared: float) -> tuple[Array, float]:
        """The first direction and its slope, given the gradient and its squared norm."""

    def forget(self, squared: float) -> None:
        """The direction is `steepest` now, of this squared length, as no step along the last one was of use."""

    def next(self, move: Move) -> tuple[Array, float, Array]:
        """The next direction, its slope, and an array that is free for the next trial's gradient.

        The arrays `d` and `old_g` of the move are the rule's to keep.
        """

    def guess(self, move: Move | None, slope: float) -> float:
        """The first trial of a direction with this slope; there is no move after `start`."""

    def extras(self) -> dict[str, Any]:
        """Further fields of the result."""


def cautious(slope: float) -> float:
    """The first trial of a steepest direction, whose slope is minus its squared length: one unit of length.

    So it does not depend on the objective's scale.
    """
    return 1.0 / math.sqrt(-slope) if slope < 0 else 1.0


def steepest(x: Array, g: Array, limits: Limits | None) -> Array:
    """-g or, within bounds, what a step along it changes."""
    return -g if limits is None else projected_step(x, g, *limits)


def as_last(move: Move, slope: float, growth: float) -> float:
    """The first trial whose first-order change is that of the last step (Nocedal and Wright 2006, p. 59).

    Args:
        growth: how many times as long it is at most: after an exact step the slope may be next to nothing.
    """
    return move.step * min(growth, move.slope_before / slope)


class FreshDirections(ABC):
    """A rule whose directions depend on the point alone, not on the steps before."""

    limits: Limits | None = None

    def __init__(self) -> None:
        self.steepest = False
        self._squared = math.nan  # of the steepest direction

    @abstractmethod
    def direction(self, x: Array, g: Array) -> Array | None:
        """Downhill from x, where the gradient is g; None if there is none but the steepest."""

    def start(self, x: Array, g: Array, squared: float) -> tuple[Array, float]:
        return self._checked(x, g)

    def forget(self, squared: float) -> None:
        self.steepest, self._squared = True, squared

    def next(self, move: Move) -> tuple[Array, float, Array]:
        d, slope = self._checked(move.x, move.new_g)
        return d, slope, move.old_g

    def guess(self, move: Move | None, slope: float) -> float:
        return cautious(-self._squared) if self.steepest else 1.0

    def extras(self) -> dict[str, Any]:
        return {}

    def _checked(self, x: Array, g: Array) -> tuple[Array, float]:
        d = self.direction(x, g)
        if d is not None:
            slope = dots((d,), g).item()
            if -math.inf < slope < 0:
                self.steepest = False
                return d, slope
        return self._first(x, g)

    def _first(self, x: Array, g: Array) -> tuple[Array, float]:
        """The steepest direction and its slope."""
        d = steepest(x, g, self.limits)
        squared, slope = dots((d, g), d).tolist()
        self.forget(squared)
        return d, slope


def descend(
    objective: Objective, x0: Array, rule: Rule, watch: Watch, wolfe: Wolfe, limits: Limits | None = None
) -> OptimizeResult:
    """Follows a rule until the watch finds a reason to stop, or until no step decreases the objective.

    Args:
        limits: lower and upper bounds, within which the rule's directions keep for a step of 1, or None.
    """
    x, trial_x = x0.copy() if limits is None else np.clip(x0, *limits), np.empty_like(x0)
    g, trial_g = np.empty_like(x), np.empty_like(x)
    value, squared, status = watch.begin(x, g)
    if status is not None:
        return watch.result(status, x, value, g, rule.extras())
    d, slope = rule.start(x, g, squared)
    move: Move | None = None

    def phi(step: float) -> tuple[float, float]:
        combine(trial_x, 1.0, x, (step,), (d,))
        if limits is not None:
            place(trial_x, x, *limits)
        if objective.differenced is None:
            found = objective.value_and_gradient(trial_x, trial_g)
        else:
            found = objective.value(trial_x)
            if math.isfinite(found) and wolfe.rejects(step, found, value, slope):
                return found, objective.slope(trial_x, d, found)  # n calls less than a gradient
            objective.gradient(trial_x, found, trial_g)
        return found, dots((d,), trial_g).item()

    while True:
        left = objective.left()
        if left <= 0:
            status = Status.MAX_EVALUATIONS
            break
        largest = LARGEST * max(1.0, cautious(slope))
        # One evaluation is kept for the case that the step to take is not the last trial.
        outcome, best, last = wolfe.search(
            phi,
            value,
            slope,
            rule.guess(move, slope),
            max(1, left - 1),
            least=0.0 if objective.differenced is None else objective.differenced.least(x, d),
            largest=largest if limits is None else min(largest, max(1.0, room(x, d, *limits))),
        )
        if outcome is Outcome.FAILED:
            if left - 1 <= wolfe.trials and objective.left() <= 1:
                status = Status.MAX_EVALUATIONS
                break
            if objective.refine(x, value, g):
                if watch.is_stationary(x, g):
                    status = Status.GRADIENT
                    break
            elif rule.steepest:
                status = objective.stuck
                break
            d[...] = steepest(x, g, limits)
            squared, slope = dots((d, g), d).tolist()
            move = None
            rule.forget(squared)
            continue
        if best is not last:
            phi(best.step)
        move = Move(best.step, d, slope, best.slope, value - best.value, g, trial_g, trial_x)
        before, value = value, best.value
        x, trial_x = trial_x, x
        status = watch.accept(x, before, value, trial_g, trial_x)
        if status is not None:
            g = trial_g
            break
        d, slope, spare = rule.next(move)
        g, trial_g = trial_g, spare
        if not slope < 0:
            status = objective.stuck
            break
    return watch.result(status, x, value, g, rule.extras())
