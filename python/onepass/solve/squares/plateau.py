"""What is a point worth where the residuals no longer depend on a parameter? The way back from there tells."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from onepass.arrays import Array
from onepass.solve.squares.fit import Fit
from onepass.solve.squares.linear_model import EPS, norm
from onepass.solve.squares.point import Point

#: A column of the Jacobian that was longer once by the inverse of this has vanished.
VANISHED = 1e-6
#: So many of the vanished columns are looked at.
PROBED = 100
#: The change of a parameter, beside its size or that at the start, that should be noticed.
PROBE = 0.1
#: So many times at most it is made a tenth, while the cost rises by more than this share: too much for a parabola.
SHORTER, RISE = 10, 1e-5
#: The share of the cost whose change counts, and how near the two places are between which it does, on the way back.
SEEN, NEAR = 1e-10, 1.1
#: The way back ends this near to where it leads, beside the size of the parameters.
REST = 1e-6


class Plateau:
    """What larger changes of parameters say whose columns have vanished.

    The cost is flat along a parameter if a change by a tenth makes no difference. Then the place is looked for where it
    first differs on the way back to the start or, if that is as flat, to 0: for each parameter alone and for all. If
    the cost is lower there, a valley was leapt over, or never seen. If it is higher, the cost is lowest at infinity.

    Args:
        start: x there.
        is_stuck: whether no step decreases the cost.

    Attributes:
        better: a point of lower cost, if one was found.
        vanished: which columns have.
        flat: the numbers of the parameters along which the cost is flat.
        had_effect: whether one of them had an effect at some point of the fit.
        is_lowest: whether the cost is higher on every way back on which it changes, and there is one.
    """

    def __init__(self, fit: Fit, point: Point, start: Array, is_stuck: bool = False) -> None:
        self.better: Point | None = None
        self.is_lowest = False
        self.flat: list[int] = []
        self.vanished = point.norms <= VANISHED * fit.scale.longest
        sizes = np.maximum(np.abs(point.x), np.abs(start))
        sizes = np.where(sizes > 0, sizes, 1.0)
        if is_stuck:  # by columns that never were more than roundings, maybe
            self.vanished |= point.norms * sizes <= EPS * norm(point.scaled_f)
        if fit.bounds is not None:
            self.vanished &= fit.bounds[0] < fit.bounds[1]
        for j in np.flatnonzero(self.vanished)[:PROBED].tolist():
            is_flat, self.better = looked_along(fit, point, j, PROBE * sizes[j])
            if self.better is not None:
                return
            if is_flat:
                self.flat.append(j)
        self.had_effect = bool(fit.scale.longest[self.flat].any())
        for columns in ways(self.flat):
            lowest = lowest_on_the_way_back(fit, point, columns, start)
            if lowest is None:
                continue
            if lowest.cost < point.cost:
                self.better = lowest
                return
            self.is_lowest = True


def ways(flat: list[int]) -> Iterable[list[int]]:
    """The parameters one by one, then all at once: where two are huge, one alone does not lead back."""
    return [[j] for j in flat] + ([flat] if len(flat) > 1 else [])


def lowest_on_the_way_back(fit: Fit, point: Point, columns: list[int], start: Array) -> Point | None:
    """The lowest point that is seen where the cost changes, along these parameters.

    None if it changes nowhere, or to nothing finite, or the budget does not tell.
    """
    x = point.x[columns]
    for target in (start[columns], np.zeros(len(columns))):
        if fit.bounds is not None:
            target = np.clip(target, fit.bounds[0][columns], fit.bounds[1][columns])
        size = float(np.abs(x - target).max())
        lowest = moved(fit, point, columns, target)
        if lowest is None or not is_seen(lowest, point):
            continue
        flat, seen = 1.0, min(0.5, REST * float(np.abs(start[columns]).max() or 1.0) / size)
        while flat > NEAR * seen:
            share = math.sqrt(flat) * math.sqrt(seen)
            trial = moved(fit, point, columns, target + share * (x - target))
            if trial is None:
                return None
            if is_seen(trial, point):
                seen = share
                lowest = trial if trial.cost < lowest.cost or not math.isfinite(lowest.cost) else lowest
            else:
                flat = share
        return lowest if math.isfinite(lowest.cost) else None
    return None


def looked_along(fit: Fit, point: Point, j: int, step: float) -> tuple[bool, Point | None]:
    """Whether the cost is flat along a parameter, or a point of lower cost: beside it, or between two that are higher.

    That is where the parabola through all three is lowest: derivatives of the second order count where those of the
    first have vanished, and a difference vanishes as well where its step was for a parameter of another size.
    """
    for k in range(SHORTER):
        trials = list(beside(fit, point, j, step / 10**k))
        is_different = [is_seen(trial, point) for trial in trials]
        for trial, differs in zip(trials, is_different, strict=True):
            if differs and trial.cost < point.cost:
                return False, trial
        if not all(is_different):
            return k == 0, None
        if len(trials) < 2:
            break
        lowest = lowest_between(fit, point, j, trials)
        if lowest is not None or max(trial.cost for trial in trials) <= (1 + RISE) * point.cost:
            return False, lowest
    return False, None


def lowest_between(fit: Fit, point: Point, j: int, trials: list[Point]) -> Point | None:
    """Where the parabola through a point and one on each side is lowest, if the cost is lower there."""
    if not all(math.isfinite(trial.cost) for trial in trials):
        return None
    (a, slope_a), (b, slope_b) = (
        (trial.x[j] - point.x[j], (trial.cost - point.cost) / (trial.x[j] - point.x[j])) for trial in trials
    )
    bend = (slope_a - slope_b) / (a - b)
    lowest = moved(fit, point, [j], point.x[[j]] - (slope_a - bend * a) / (2 * bend))
    return lowest if lowest is not None and lowest.cost < point.cost and is_seen(lowest, point) else None


def is_seen(trial: Point, point: Point) -> bool:
    """Whether the costs differ."""
    return not abs(trial.cost - point.cost) <= SEEN * point.cost


def moved(fit: Fit, point: Point, columns: list[int], values: Array) -> Point | None:
    """The point with other values of some parameters; None if they are the same, or the budget is spent."""
    x = point.x.copy()
    x[columns] = values
    if fit.bounds is not None:
        x = np.clip(x, *fit.bounds)
    return Point(x, fit.residuals(x), fit.loss) if (x != point.x).any() and fit.leaves(1) else None


def beside(fit: Fit, point: Point, j: Any, step: float) -> Iterator[Point]:
    """Points on both sides of one along a parameter, within the bounds and the budget."""
    for change in (step, -step):
        if (trial := moved(fit, point, [j], point.x[[j]] + change)) is not None:
            yield trial
