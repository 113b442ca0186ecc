"""How does Levenberg-Marquardt run for one problem? By the steps and verdicts of the core, which solves many alike."""

from __future__ import annotations

import numpy as np

from onepass._core import LevenbergMarquardtSetting, run_plain, run_watched
from onepass.arrays import Array
from onepass.solve.result import Status
from onepass.solve.squares.fit import NEVER, Fit, Found
from onepass.solve.squares.point import Point, Scale
from onepass.solve.squares.residuals import Bounds

#: The share of a step at which the second derivative along it is measured.
BEND_AT = 0.1
#: By their numbers.
STATUSES = {int(status): status for status in Status}


def setting_of(bounds: Bounds, scale: Scale) -> LevenbergMarquardtSetting:
    """What all runs of a fit have in common."""
    lower, upper = bounds or (None, None)
    return LevenbergMarquardtSetting(lower, upper, scale.given, scale.longest)


def levenberg_marquardt(
    fit: Fit, point: Point, nit: int, *, setting: LevenbergMarquardtSetting, geodesic: bool = False
) -> Found:
    """Runs it from a point that was reached after so many steps."""
    if fit.loss.is_linear and fit.proceed is None and not geodesic:
        jac = point.jac if point.is_differentiated else None
        (x, f, cost, jac, is_at_x), end = run_plain(
            fit.residuals, point.x, point.f, point.cost, jac, setting, fit.tolerances, fit.settled
        )
        point = Point(x, f, fit.loss, cost)
        if is_at_x or not fit.is_rough:
            point.differentiated(jac)
    else:
        watch = Watch(fit, point, nit, geodesic)
        # A loss scales a Jacobian by the residuals of its own point.
        settled = fit.settled if fit.is_rough else NEVER
        end = run_watched(watch, point.x, point.cost, setting, fit.tolerances, settled)
        point = watch.point
    stop, steps, cosine, vanished = end
    point.cosine, point.has_vanished = cosine, vanished
    return Found(point, STATUSES[stop], nit + steps)


class Watch:
    """What the core asks for where there is a loss, a callback or geodesic acceleration."""

    def __init__(self, fit: Fit, point: Point, nit: int, geodesic: bool) -> None:
        self.point = point
        self._fit, self._trial, self._nit, self._geodesic = fit, point, nit, geodesic

    def leaves(self) -> bool:
        return self._fit.leaves(1 + self._fit.residuals.per_jacobian)

    def try_at(self, x: Array) -> float:
        self._trial = Point(x, self._fit.residuals(x), self._fit.loss)
        return self._trial.cost

    def take(self) -> None:
        self.point = self._trial

    def derivatives(self, sizes: Array | None) -> tuple[Array, Array]:
        if not self.point.is_differentiated:
            self.point.differentiate(self._fit.residuals, sizes)
        return self.point.scaled_f, self.point.jac

    def bend(self, step: Array) -> Array | None:
        return bend(self._fit, self.point, step) if self._geodesic else None

    def proceed(self, steps: int) -> bool:
        point, nfev = self.point, self._fit.residuals.nfev
        proceed = self._fit.proceed
        return proceed is None or proceed(point.x, cost=point.cost, fun=point.f, nit=self._nit + steps, nfev=nfev)


@np.errstate(over="ignore", invalid="ignore")
def bend(fit: Fit, point: Point, step: Array) -> Array | None:
    """J^T times the second derivative of the residuals along a step; None if it cannot be had.

    Transtrum and Sethna 2012, eq. 16: 2 / h ((f(x + h p) - f(x)) / h - J p).
    """
    x = point.x + BEND_AT * step
    bounds = fit.bounds
    leaves = bounds is not None and not ((x >= bounds[0]) & (x <= bounds[1])).all()
    if leaves or not fit.leaves(2 + fit.residuals.per_jacobian):
        return None
    f = fit.residuals(x)
    if not np.isfinite(f).all():
        return None
    change = (f - point.f) / BEND_AT
    if point.of_rows is not None:
        change = change * point.of_rows
    second: Array = ((2 / BEND_AT) * (change - point.jac.dot(step))).dot(point.jac)
    return second
