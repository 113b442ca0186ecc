"""How does L-BFGS keep within bounds? By projection: a variable that the gradient pushes out of a bound is held."""

from __future__ import annotations

import math

import numpy as np

from onepass.groups import Array
from onepass.solve.kernels import combine, dots
from onepass.solve.lbfgs import LEAST_CURVATURE, Memory
from onepass.solve.objective import Objective, read_only
from onepass.solve.result import OptimizeResult, Status
from onepass.solve.watch import Watch

#: A step that does not decrease the value enough is divided by between 2 and 10.
LEAST_SHARE, MOST_SHARE = 0.1, 0.5


def projected_gradient(x: Array, g: Array, lower: Array, upper: Array) -> float:
    """The largest change of a variable by a projected step along -g, which is zero at a stationary point."""
    return float(np.abs(np.clip(x - g, lower, upper) - x).max())


def bounded(
    objective: Objective,
    x0: Array,
    lower: Array,
    upper: Array,
    watch: Watch,
    *,
    pairs: int,
    c1: float,
    trials: int,
) -> OptimizeResult:
    """Two-metric projection (Bertsekas, SIAM J. Control Optim. 20, 1982) with the limited-memory BFGS matrix.

    The held variables' rows and columns of the inverse Hessian are those of a diagonal matrix: their part of the
    direction is zero. The step is projected, and halved or less until the value decreases enough. Pairs of steps and
    gradient changes are kept without the held variables' part.
    """
    x, x_seen = read_only(np.clip(x0, lower, upper))
    trial_x, trial_seen = read_only(np.empty_like(x))
    g, trial_g, d = np.empty_like(x), np.empty_like(x), np.empty_like(x)
    memory = Memory(pairs)
    eps = float(np.finfo(x.dtype).eps)
    value = objective.value_and_gradient(x_seen, g)
    status = watch.start(x, value, g, dots((g,), g).item())
    while status is None:
        held = ((x <= lower) & (g > 0)) | ((x >= upper) & (g < 0))
        free_g = np.where(held, x.dtype.type(0), g)
        squared = dots((free_g,), free_g).item()
        if memory:
            memory.direction(free_g, d)
            d[held] = 0
        slope = dots((d,), free_g).item() if memory else math.nan
        steepest = not -math.inf < slope < 0
        if steepest:
            memory.clear()
            combine(d, -1.0, free_g, (), ())
            slope = -squared
        step = min(1.0, 1.0 / math.sqrt(squared)) if steepest else 1.0
        noise = 10 * eps * abs(value)
        found, moved = math.inf, x
        for _ in range(trials):
            if watch.evaluations_left() <= 0:
                status = Status.MAX_EVALUATIONS
                break
            combine(trial_x, 1.0, x, (step,), (d,))
            np.clip(trial_x, lower, upper, out=trial_x)
            moved = trial_x - x
            decrease = dots((moved,), g).item()
            if not decrease < 0:
                break
            found = objective.value_and_gradient(trial_seen, trial_g)
            if math.isfinite(found) and math.isfinite(dots((trial_g,), trial_g).item()):
                if found <= value + c1 * decrease + (noise if -decrease <= noise else 0.0):
                    break
                share = -0.5 * decrease / (found - value - decrease)  # the parabola's minimizer
                step *= min(max(share, LEAST_SHARE), MOST_SHARE)
            else:
                step *= LEAST_SHARE
            found = math.inf
        if found == math.inf:
            if status is None and memory:
                memory.clear()
                continue
            status = status or Status.NO_DECREASE
            break
        before, value = value, found
        x, x_seen, trial_x, trial_seen = trial_x, trial_seen, x, x_seen
        change = np.where(moved == 0, x.dtype.type(0), trial_g - g)
        g, trial_g = trial_g, g
        s_y, y_y = dots((moved, change), change).tolist()
        if s_y > LEAST_CURVATURE * y_y and y_y > 0:
            memory.push(1.0, moved, change, s_y, y_y)
            memory.enter()
        status = watch.accept(x, before, value, g)
    return watch.result(status, x, value, g, {})
