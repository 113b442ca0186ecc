"""How far along a direction? To a point of the strong Wolfe conditions, by Moré and Thuente's search."""

from __future__ import annotations

import enum
import math
from collections.abc import Callable
from dataclasses import dataclass

#: Extrapolation at least and at most, in multiples of the last move; the share of a bracket to be gained in two trials.
LEAST_GROWTH, MOST_GROWTH, SHRINK = 1.1, 4.0, 0.66
#: Where the objective is not finite the next trial is at this share of the way.
BACK = 0.25
#: The longest step that is tried, in units of length for a direction that has the length of the gradient.
LARGEST = 1e20
#: Machine numbers of a value within which two values of the objective count as equal.
ROUNDING = 10.0


class Outcome(enum.Enum):
    """Why the search ended."""

    WOLFE = "the strong Wolfe conditions hold"
    DECREASE = "the value decreases, but the slope is still steep"
    FAILED = "no trial decreases the value"


@dataclass(slots=True)
class Trial:
    """A step length, the value and the slope there."""

    step: float
    value: float
    slope: float


@dataclass(frozen=True, slots=True)
class Wolfe:
    """The conditions and the budget.

    Args:
        c1: sufficient decrease, f(a) <= f(0) + c1 a f'(0), in (0, c2).
        c2: curvature, |f'(a)| <= c2 |f'(0)|, in (c1, 1).
        trials: evaluations at most.
        rounding: machine epsilon of the dtype in which the objective is computed.
    """

    c1: float = 1e-4
    c2: float = 0.9
    trials: int = 20
    rounding: float = 2.0**-52

    def rejects(self, step: float, found: float, value: float, slope: float) -> bool:
        """Whether a finite value at a step is too large for it to be taken, whatever its slope."""
        return found - value > max(ROUNDING * self.rounding * abs(value), step * self.c1 * slope)

    def search(
        self,
        phi: Callable[[float], tuple[float, float]],
        value: float,
        slope: float,
        first: float,
        trials: int,
        *,
        least: float = 0.0,
        largest: float = LARGEST,
    ) -> tuple[Outcome, Trial, Trial]:
        """Seeks a step from 0 where the function has this value and this negative slope.

        A value or a slope that is not finite makes the search go back to a quarter of the way from the best point that
        it has, and never come nearer than half the way again. Where a value differs from the first one by less than
        their rounding, the slopes alone decide, as in Hager and Zhang 2005, SIAM J. Optim. 16, eq. 4.1.

        Args:
            phi: the value and the slope at a step length.
            first: the first trial.
            trials: evaluations at most, if fewer than the budget.
            least, largest: the shortest and the longest step that is tried.

        Returns:
            The outcome, the step to take, and the trial that was evaluated last.

        Reference:
            Moré and Thuente, Line search algorithms with guaranteed sufficient decrease, ACM TOMS 20 (1994).
        """
        origin = best = other = lowest = trial = Trial(0.0, value, slope)  # other: the far end of the bracket, if any
        bracketed, first_stage = False, True
        width = older_width = barrier = math.inf  # barrier: the nearest step where the objective is not finite
        noise, drop, steep = ROUNDING * self.rounding * abs(value), self.c1 * slope, -self.c2 * slope
        step = min(first, largest)

        for _ in range(min(trials, self.trials)):
            if step < least:
                break
            trial = Trial(step, *phi(step))
            if not (math.isfinite(trial.value) and math.isfinite(trial.slope)):
                barrier = step
                step = best.step + BACK * (step - best.step)
                if step == best.step:
                    break
                continue
            seen = trial if abs(trial.value - value) > noise else integrated(best, trial)
            decreased = seen.value <= value + step * drop
            if decreased and abs(trial.slope) <= steep:
                return Outcome.WOLFE, trial, trial
            if decreased and trial.value < lowest.value:
                lowest = trial
            if step >= largest and decreased and trial.slope <= drop:
                break
            if first_stage and decreased and trial.slope >= 0:
                first_stage = False
            low, high = limits(best, other, step, bracketed, largest)
            if first_stage and not decreased and seen.value <= best.value:
                # Of f(a) - c1 a f'(0), which has a minimizer in the bracket even if f has none that is low enough.
                a, b, c = (tilted(t, drop) for t in (best, other, seen))
                step, bracketed, ends = choose(a, b, c, bracketed, low, high)
                best, other = (tilted(t, -drop) for t in ends)
            else:
                step, bracketed, (best, other) = choose(best, other, seen, bracketed, low, high)
            if bracketed:
                if abs(other.step - best.step) >= SHRINK * older_width:
                    step = best.step + 0.5 * (other.step - best.step)
                older_width, width = width, abs(other.step - best.step)
                if width <= 4 * self.rounding * max(best.step, other.step):
                    break
            if step >= barrier > best.step:
                step = best.step + 0.5 * (barrier - best.step)
            step = min(step, largest)
            if not math.isfinite(step) or step <= 0 or step == best.step:
                step = best.step + 0.5 * (other.step - best.step)
                if step in (best.step, other.step):
                    break
        return (Outcome.DECREASE if lowest is not origin else Outcome.FAILED), lowest, trial


def integrated(best: Trial, trial: Trial) -> Trial:
    """The trial with the value that the slopes promise, by the trapezoidal rule."""
    value = best.value + 0.5 * (best.slope + trial.slope) * (trial.step - best.step)
    return Trial(trial.step, value, trial.slope)


def tilted(trial: Trial, drop: float) -> Trial:
    """The trial of the function less the line of this slope."""
    return Trial(trial.step, trial.value - trial.step * drop, trial.slope - drop)


def limits(best: Trial, other: Trial, step: float, bracketed: bool, largest: float) -> tuple[float, float]:
    """Where the next trial may lie."""
    if bracketed:
        return min(best.step, other.step), max(best.step, other.step)
    move = step - best.step
    return min(step + LEAST_GROWTH * move, largest), min(step + MOST_GROWTH * move, largest)


def cubic(a: Trial, b: Trial) -> float:
    """The minimizer of the cubic with the values and slopes of a and b, as a share of the way from a to b, or NaN."""
    theta = 3 * (a.value - b.value) / (b.step - a.step) + a.slope + b.slope
    scale = max(abs(theta), abs(a.slope), abs(b.slope))
    if not 0 < scale < math.inf:
        return math.nan
    gamma = scale * math.sqrt(max(0.0, (theta / scale) ** 2 - (a.slope / scale) * (b.slope / scale)))
    if b.step < a.step:
        gamma = -gamma
    below = gamma - a.slope + gamma + b.slope
    return (gamma - a.slope + theta) / below if below and gamma else math.nan


def choose(
    best: Trial, other: Trial, trial: Trial, bracketed: bool, low: float, high: float
) -> tuple[float, bool, tuple[Trial, Trial]]:
    """The next step length, whether there is a bracket now, and its ends (section 4 of the paper, cases 1 to 4)."""
    move = trial.step - best.step
    if trial.value > best.value:
        by_cubic = best.step + cubic(best, trial) * move
        curvature = (best.value - trial.value) / move + best.slope
        by_parabola = best.step + 0.5 * best.slope / curvature * move if curvature else math.nan
        if abs(by_cubic - best.step) < abs(by_parabola - best.step):
            return by_cubic, True, (best, trial)
        return by_cubic + 0.5 * (by_parabola - by_cubic), True, (best, trial)

    change = best.slope - trial.slope
    by_secant = trial.step + trial.slope / change * move if change else math.nan
    share = cubic(trial, best)
    if trial.slope * best.slope < 0:
        by_cubic = trial.step - share * move
        farther = abs(by_cubic - trial.step) >= abs(by_secant - trial.step)
        return (by_cubic if farther else by_secant), True, (trial, best)
    if abs(trial.slope) <= abs(best.slope):
        by_cubic = trial.step - share * move if share < 0 else (high if move > 0 else low)
        nearer = abs(by_cubic - trial.step) < abs(by_secant - trial.step)
        if not bracketed:
            step = by_secant if nearer else by_cubic
            return min(max(step, low), high), False, (trial, other)
        step = by_cubic if nearer else by_secant
        bound = trial.step + SHRINK * (other.step - trial.step)
        return (min(step, bound) if move > 0 else max(step, bound)), True, (trial, other)
    if bracketed:
        return trial.step + cubic(trial, other) * (other.step - trial.step), True, (trial, other)
    return (high if move > 0 else low), False, (trial, other)
