"""How does Levenberg-Marquardt run for one problem? By the steps and verdicts of the core, which solves many alike."""

from __future__ import annotations

import numpy as np

from onepass._core import LevenbergMarquardt
from onepass.arrays import Array
from onepass.solve.result import Status
from onepass.solve.squares.fit import Fit, Found
from onepass.solve.squares.point import Point

#: The share of a step at which the second derivative along it is measured.
BEND_AT = 0.1
#: The number of the only problem.
ONE = np.zeros(1, np.int64)


def levenberg_marquardt(fit: Fit, point: Point, nit: int, *, geodesic: bool = False) -> Found:
    """Runs it from a point that was reached after so many steps."""
    found, core = ran(fit, point, nit, geodesic)
    fit.scale.remember(point.norms if fit.scale.given is not None else core.scales(ONE)[0])
    return found


def ran(fit: Fit, point: Point, nit: int, geodesic: bool) -> tuple[Found, LevenbergMarquardt]:
    """Where it ended, and with what the core knows then."""
    residuals = fit.residuals
    lower, upper = fit.bounds or (None, None)
    cost = np.array((point.cost,))
    core = LevenbergMarquardt(point.x[None], cost, lower, upper, fit.scale.given, *fit.tolerances)
    per_jacobian = residuals.cost_of_jacobian(point.x.size)
    if not point.is_differentiated:
        point.differentiate(residuals, None)
    stop = core.differentiate(0, point.scaled_f, point.jac)
    if stop == Status.NONFINITE:
        return Found(point, Status.NONFINITE_START, nit), core
    while stop == Status.RUNNING:
        if not fit.leaves(1 + per_jacobian):
            return Found(point, Status.MAX_EVALUATIONS, nit), core
        x = core.propose(0)
        if geodesic and (along := bend(fit, point, core.steps(ONE)[0])) is not None:
            x = core.accelerate(ONE, along)[0]
        trial = Point(x, residuals(x), fit.loss)
        taken, stop = core.judge(0, trial.cost)
        if taken:
            point, nit = trial, nit + 1
            at_point = stop
            if stop == Status.RUNNING or not fit.is_rough:
                point.differentiate(residuals, core.sizes(0) if per_jacobian else None)
                at_point = core.differentiate(0, point.scaled_f, point.jac)
            if not fit.proceed(point.x, cost=point.cost, fun=point.f, nit=nit, nfev=residuals.nfev):
                return Found(point, Status.CALLBACK, nit), core
            stop = at_point or stop
    return Found(point, Status(stop), nit), core  # type: ignore[call-arg]


@np.errstate(over="ignore", invalid="ignore")
def bend(fit: Fit, point: Point, step: Array) -> Array | None:
    """J^T times the second derivative of the residuals along a step; None if it cannot be had.

    Transtrum and Sethna 2012, eq. 16: 2 / h ((f(x + h p) - f(x)) / h - J p).
    """
    x = point.x + BEND_AT * step
    bounds = fit.bounds
    leaves = bounds is not None and not ((x >= bounds[0]) & (x <= bounds[1])).all()
    if leaves or not fit.leaves(2 + fit.residuals.cost_of_jacobian(x.size)):
        return None
    f = fit.residuals(x)
    if not np.isfinite(f).all():
        return None
    change = (f - point.f) / BEND_AT
    if point.of_rows is not None:
        change = change * point.of_rows
    second: Array = ((2 / BEND_AT) * (change - point.jac.dot(step))).dot(point.jac)
    return second
