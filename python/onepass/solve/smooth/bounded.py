"""How does L-BFGS keep within bounds? Each direction leads to a point within them that a quadratic model chooses."""

from __future__ import annotations

import math

import numpy as np

from onepass.arrays import Array
from onepass.solve.kernels import combine, dots
from onepass.solve.result import OptimizeResult, Status
from onepass.solve.smooth.compact import Compact
from onepass.solve.smooth.lbfgs import LEAST_CURVATURE
from onepass.solve.smooth.line_search import LARGEST, Outcome, Wolfe
from onepass.solve.smooth.objective import Objective
from onepass.solve.smooth.watch import Watch


def bounded(
    objective: Objective, x0: Array, lower: Array, upper: Array, watch: Watch, wolfe: Wolfe, pairs: int
) -> OptimizeResult:
    """L-BFGS-B (Byrd, Lu, Nocedal and Zhu 1995, SIAM J. Sci. Comput. 16)."""
    lower, upper = np.ascontiguousarray(lower), np.ascontiguousarray(upper)
    x, trial_x = np.clip(x0, lower, upper), np.empty_like(x0)
    g, trial_g = np.empty_like(x), np.empty_like(x)
    hessian = Compact(pairs)
    boxed = bool(np.isfinite(lower).all() and np.isfinite(upper).all())
    value, _, status = watch.begin(x, g)
    end, d = np.empty_like(x), np.empty_like(x)

    def phi(step: float) -> tuple[float, float]:
        if step == 1:
            trial_x[...] = end
        else:
            combine(trial_x, 1.0, x, (step,), (d,))
            np.clip(trial_x, lower, upper, out=trial_x)
        found = objective.value_and_gradient(trial_x, trial_g)
        return found, dots((d,), trial_g).item()

    while status is None:
        left = objective.left()
        if left <= 0:
            status = Status.MAX_EVALUATIONS
            break
        step = hessian.step(end, d, x, g, lower, upper)
        if step is None:
            hessian.clear()
            continue
        squared, slope, room = step
        outcome, first = Outcome.FAILED, 1.0
        if -math.inf < slope < 0:
            if not len(hessian):
                first = 1.0 if boxed else min(1.0, 1.0 / math.sqrt(squared))
            largest = max(1.0, room) if len(hessian) else 1.0
            least = 0.0 if objective.differenced is None else objective.differenced.least(x, d)
            # One evaluation is kept for the case that the step to take is not the last trial.
            outcome, best, last = wolfe.search(
                phi, value, slope, first, max(1, left - 1), least=least, largest=min(largest, LARGEST)
            )
        if outcome is Outcome.FAILED:
            if left - 1 <= wolfe.trials and objective.left() <= 1:
                status = Status.MAX_EVALUATIONS
            elif objective.refine(x, value, g):
                hessian.clear()
                status = Status.GRADIENT if watch.is_stationary(x, g) else None
            elif len(hessian):
                hessian.clear()
            else:
                status = objective.stuck
            continue
        if best is not last:
            phi(best.step)
        before, value = value, best.value
        x, trial_x = trial_x, x
        g, trial_g = trial_g, g
        hessian.push(x, trial_x, g, trial_g, -LEAST_CURVATURE * best.step * slope)
        status = watch.accept(x, before, value, g, trial_x)
    return watch.result(status, x, value, g, {"hess_inv": hessian.inverse(x.size, x.dtype)})
