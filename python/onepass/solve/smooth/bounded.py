"""How does L-BFGS keep within bounds? Each direction leads to a point within them that a quadratic model chooses."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from onepass.arrays import Array
from onepass.solve.kernels import combine, dots
from onepass.solve.result import OptimizeResult, Status
from onepass.solve.smooth.cauchy import room, target
from onepass.solve.smooth.compact import Compact
from onepass.solve.smooth.lbfgs import LEAST_CURVATURE
from onepass.solve.smooth.line_search import Outcome, Wolfe
from onepass.solve.smooth.objective import Objective, read_only
from onepass.solve.smooth.watch import Watch


def projected_gradient(x: Array, g: Array, lower: Array, upper: Array) -> float:
    """The largest change of a variable by a projected step along -g, which is zero at a stationary point."""
    return float(np.abs(np.clip(x - g, lower, upper) - x).max())


def bounded(
    objective: Objective, x0: Array, lower: Array, upper: Array, watch: Watch, wolfe: Wolfe, pairs: int
) -> OptimizeResult:
    """L-BFGS-B (Byrd, Lu, Nocedal and Zhu 1995, SIAM J. Sci. Comput. 16)."""
    x, x_seen = read_only(np.clip(x0, lower, upper))
    trial_x, trial_seen = read_only(np.empty_like(x))
    g, trial_g = np.empty_like(x), np.empty_like(x)
    hessian = Compact(pairs)
    boxed = bool(np.isfinite(lower).all() and np.isfinite(upper).all())
    value = objective.value_and_gradient(x_seen, g)
    status = watch.start(x, value, g, dots((g,), g).item())
    end = d = x

    def phi(step: float) -> tuple[float, float]:
        if step == 1:
            trial_x[...] = end
        else:
            combine(trial_x, 1.0, x, (step,), (d,))
            np.clip(trial_x, lower, upper, out=trial_x)
        found = objective.value_and_gradient(trial_seen, trial_g)
        return found, dots((d,), trial_g).item()

    while status is None:
        left = watch.evaluations_left()
        if left <= 0:
            status = Status.MAX_EVALUATIONS
            break
        try:
            end = target(x, g, lower, upper, hessian)
        except np.linalg.LinAlgError:
            hessian.clear()
            continue
        d = end - x
        squared, slope = dots((d, g), d).tolist()
        outcome, first = Outcome.FAILED, 1.0
        if -math.inf < slope < 0:
            if not len(hessian):
                first = 1.0 if boxed else min(1.0, 1.0 / math.sqrt(squared))
            largest = max(1.0, room(x, d, lower, upper)) if len(hessian) else 1.0
            search = replace(wolfe, largest=min(largest, wolfe.largest)).search
            # One evaluation is kept for the case that the step to take is not the last trial.
            outcome, best, last = search(phi, value, slope, first, max(1, left - 1))
        if outcome is Outcome.FAILED:
            if left - 1 <= wolfe.trials and watch.evaluations_left() <= 1:
                status = Status.MAX_EVALUATIONS
            elif len(hessian):
                hessian.clear()
            else:
                status = Status.NO_DECREASE
            continue
        if best is not last:
            phi(best.step)
        s, y = trial_x - x, trial_g - g
        before, value = value, best.value
        x, x_seen, trial_x, trial_seen = trial_x, trial_seen, x, x_seen
        g, trial_g = trial_g, g
        s_y, y_y = dots((s, y), y).tolist()
        if s_y > LEAST_CURVATURE * y_y and y_y > 0:
            hessian.push(s, y)
        status = watch.accept(x, before, value, g)
    return watch.result(status, x, value, g, {})
