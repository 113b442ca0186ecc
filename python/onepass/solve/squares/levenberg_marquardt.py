"""How does Levenberg-Marquardt run for one problem? By the steps and verdicts of the core, which solves many alike."""

from __future__ import annotations

import numpy as np

from onepass._core import LevenbergMarquardt
from onepass.arrays import Array
from onepass.solve.result import Status
from onepass.solve.squares.fit import Fit
from onepass.solve.squares.point import Point
from onepass.solve.squares.residuals import Bounds, Residuals

#: The share of a step at which the second derivative along it is measured.
BEND_AT = 0.1
#: The number of the only problem.
ONE = np.zeros(1, np.int64)


def levenberg_marquardt(fit: Fit, point: Point, geodesic: bool) -> tuple[Point, Status, int]:
    """Where it ends, why, and after how many steps."""
    residuals, bounds, nit = fit.residuals, fit.bounds, 0
    lower, upper = bounds or (None, None)
    cost = np.array((point.cost,))
    core = LevenbergMarquardt(point.x[None], cost, lower, upper, fit.scale.given, *fit.stop.tolerances)
    per_jacobian = residuals.cost_of_jacobian(point.x.size)
    stop = differentiated(core, point, residuals, None)
    if stop == Status.NONFINITE:
        return point, Status.NONFINITE_START, nit
    while True:
        if stop > 0 and residuals.refine(point.x.size, fit.budget):
            per_jacobian = residuals.cost_of_jacobian(point.x.size)
            stop = differentiated(core, point, residuals, None)
            core.trust(ONE)  # near a minimum the model is good
        if stop != Status.RUNNING:
            return point, Status(stop), nit  # type: ignore[call-arg]
        if residuals.nfev + 1 + per_jacobian > fit.budget:
            return point, Status.MAX_EVALUATIONS, nit
        x = core.propose(ONE)
        if geodesic and (along := bend(point, core.steps(ONE)[0], residuals, bounds, fit.budget)) is not None:
            x = core.accelerate(ONE, along)
        trial = Point(x[0], residuals(x[0]), fit.loss)
        taken, stops = core.judge(ONE, trial.cost)
        stop = stops.item()
        if taken.item():
            point, nit = trial, nit + 1
            at_point = differentiated(core, point, residuals, core.sizes(ONE)[0] if per_jacobian else None)
            if not fit.proceed(point.x, cost=point.cost, fun=point.f, nit=nit, nfev=residuals.nfev):
                return point, Status.CALLBACK, nit
            stop = at_point or stop


def differentiated(core: LevenbergMarquardt, point: Point, residuals: Residuals, sizes: Array | None) -> int:
    """Gives the core the Jacobian at its point: whether that ends the method."""
    point.differentiate(residuals, sizes)
    return int(core.differentiate(ONE, point.scaled_f[None], point.jac[None])[0])


@np.errstate(over="ignore", invalid="ignore")
def bend(point: Point, step: Array, residuals: Residuals, bounds: Bounds, budget: int) -> Array | None:
    """J^T times the second derivative of the residuals along a step; None if it cannot be had.

    Transtrum and Sethna 2012, eq. 16: 2 / h ((f(x + h p) - f(x)) / h - J p).
    """
    x = point.x + BEND_AT * step
    leaves = bounds is not None and not ((x >= bounds[0]) & (x <= bounds[1])).all()
    if leaves or residuals.nfev + 2 + residuals.cost_of_jacobian(x.size) > budget:
        return None
    f = residuals(x)
    if not np.isfinite(f).all():
        return None
    change = (f - point.f) / BEND_AT
    if point.of_rows is not None:
        change = change * point.of_rows
    second: Array = ((2 / BEND_AT) * (change - point.jac.dot(step))).dot(point.jac)
    return second
