"""How is one problem fitted? Its settings choose the method; the method runs, and looks again where it stopped."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from onepass.arrays import Array
from onepass.solve.callbacks import Callback
from onepass.solve.result import Status
from onepass.solve.squares.damped_steps import DampedSteps
from onepass.solve.squares.dogleg import Dogleg
from onepass.solve.squares.fit import NEVER, Fit, Found, Run
from onepass.solve.squares.gauss_newton import GaussNewton
from onepass.solve.squares.large_residuals import LargeResiduals
from onepass.solve.squares.levenberg_marquardt import levenberg_marquardt, setting_of
from onepass.solve.squares.losses import Loss, LossName
from onepass.solve.squares.model_steps import model_steps
from onepass.solve.squares.point import Point, Scale
from onepass.solve.squares.residuals import Residuals, User
from onepass.solve.squares.second_look import solved
from onepass.solve.squares.settings import FitSettings


def fitted(
    user: User,
    x: Array,
    settings: FitSettings,
    loss: LossName | Callable[[Array], Any] = "linear",
    x_scale: Any = None,
    callback: Callable[..., object] | None = None,
    settled: float = NEVER,
) -> tuple[Found, Residuals]:
    """Where the fit ended that starts at x, which is kept, and the residuals with their counts; settled as in `Fit`."""
    rho, scale = Loss(loss, settings.f_scale), Scale(x_scale, x)
    residuals = Residuals(user) if user.solver is None else LargeResiduals(user, user.solver)
    residuals.starts(x.size, settings.max_nfev)
    proceed = None if callback is None else Callback(callback)
    if settings.verbose >= 2:
        proceed = telling(proceed or Callback(None))
    fit = Fit(residuals, rho, user.bounds, scale, settings.tolerances, proceed, settled)
    point = Point(x, residuals(x), rho)
    if not math.isfinite(point.cost):
        found = Found(point, Status.NONFINITE_START, 0)
    elif not x.size:
        point.differentiated(np.empty((point.f.size, 0)))
        found = Found(point, Status.GRADIENT, 0)
    elif not fit.leaves(residuals.per_jacobian):
        found = Found(point, Status.MAX_EVALUATIONS, 0)
    else:
        with np.errstate(over="ignore", invalid="ignore"):  # trials and differences may leave the domain
            if isinstance(residuals, LargeResiduals) and residuals.may_be_large(point.f.size, x.size):
                point.differentiate(residuals, None)
            found = solved(fit, point, run_of(settings, fit))
    if settings.verbose:
        status = found.status
        print(f"{status.name}: {status.message}; cost {found.point.cost:.6e}, nit {found.nit}, nfev {residuals.nfev}")
    return found, residuals


def run_of(settings: FitSettings, fit: Fit) -> Run:
    """The method of these settings, for large Jacobians or others."""
    is_large = fit.residuals.is_large
    if is_large and settings.geodesic:
        raise ValueError("geodesic=True needs linear problems that are solved by QR, not by LSMR; leave it out")
    if is_large and settings.method == "lm":
        return partial(model_steps, method=lambda _: DampedSteps())
    if settings.method == "lm":
        return partial(levenberg_marquardt, setting=setting_of(fit.bounds, fit.scale), geodesic=settings.geodesic)
    return partial(model_steps, method=Dogleg if settings.method == "dogleg" else lambda _: GaussNewton())


def telling(callback: Callback) -> Callback:
    """The same, which prints each step."""

    class Telling(Callback):
        def __call__(self, x: Array, **entries: Any) -> bool:
            print("nit {nit:6d}  nfev {nfev:8d}  cost {cost:.6e}".format(**entries))
            return callback(x, **entries)

    return Telling(None)
