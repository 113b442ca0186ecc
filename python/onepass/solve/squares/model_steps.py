"""How do the methods run whose steps come from a model that is decomposed once per point? Dogleg and Gauss-Newton."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

import numpy as np

from onepass.arrays import Array
from onepass.solve.result import Status
from onepass.solve.squares.fit import Fit
from onepass.solve.squares.linear_model import LinearModel, norm
from onepass.solve.squares.point import Point, Scale, column_norms
from onepass.solve.squares.residuals import Bounds

#: A step that gains less than this share of what the model promised is not taken.
LEAST_GAIN = 1e-4
#: The relative error of a cost that rounding may cause.
ROUNDING = 1e-14
#: The smallest normal number.
TINY = float(np.finfo(np.float64).tiny)


class Steps(Protocol):
    """A method: which step comes next, given the model and how the last trial went."""

    def propose(self, model: LinearModel) -> Array:
        """The scaled trial step."""

    def accepted(self, gain: float, length: float) -> None:
        """The trial gained this share of the promise and was taken."""

    def rejected(self, gain: float, length: float) -> None:
        """It was not taken."""


class Model:
    """The linear model at a point, and where its steps lead within the bounds; `is_finite` if it can be had."""

    @np.errstate(over="ignore", invalid="ignore")
    def __init__(self, point: Point, scale: Scale, bounds: Bounds) -> None:
        self._point, self._bounds = point, bounds
        self._norms = column_norms(point.jac)
        self._gradient: Array = point.scaled_f.dot(point.jac)
        ones = np.ones_like(self._norms)  # a product with them is the fastest sum
        self.is_finite = math.isfinite(self._norms.dot(ones) + self._gradient.dot(ones))
        if not self.is_finite:
            return
        scale.see(self._norms)
        self._d = scale.d
        self._free: Array | None = None
        self._a = point.jac / self._d
        if bounds is not None:
            x, g = point.x, self._gradient
            self._free = ~(((x <= bounds[0]) & (g > 0)) | ((x >= bounds[1]) & (g < 0)))
            self._a = self._a * self._free
        self._model = LinearModel(self._a, point.scaled_f)

    def largest_cosine(self) -> float:
        """Of the angles between the residuals and the columns of the Jacobian that belong to free parameters."""
        # A column of zeros has the gradient 0.
        cosines = np.abs(self._gradient) / np.maximum(self._norms, TINY)
        if self._free is not None:
            cosines = cosines * self._free
        length = norm(self._point.scaled_f)
        return float(cosines.max()) / length if length else 0.0

    @np.errstate(over="ignore", invalid="ignore")
    def try_step(self, steps: Steps) -> tuple[Array, float, float]:
        """Where the next trial is, how long the scaled step to it, and the decrease that the model promises."""
        start = self._point.x
        p = steps.propose(self._model)
        if self._bounds is None:
            return start + p / self._d, norm(p), self._model.decrease(p)
        lower, upper = self._bounds
        assert self._free is not None
        # A parameter that is at a bound and would leave is held; the last one never would, as it follows its gradient.
        p = p * self._free
        while (outward := ((start <= lower) & (p < 0)) | ((start >= upper) & (p > 0))).any():
            self._free = self._free.copy()
            self._free[np.argmax(np.where(outward, np.abs(p), -1.0))] = False
            self._a = self._a * self._free
            self._model = LinearModel(self._a, self._point.scaled_f)
            p = steps.propose(self._model)
            p = p * self._free
        x = np.clip(start + p / self._d, lower, upper)
        p = (x - start) * self._d
        return x, norm(p), self._model.decrease(p)


def model_steps(fit: Fit, point: Point, method: Callable[[float], Steps], nit: int = 0) -> tuple[Point, Status, int]:
    """Where a method ends that begins at a point after so many steps, why, and after how many.

    Args:
        method: given the length of the scaled x at that point.
    """
    residuals, bounds, scale = fit.residuals, fit.bounds, fit.scale
    ftol, xtol, gtol = fit.stop.tolerances
    first, longest = True, math.inf
    point.differentiate(residuals, None)
    model = Model(point, scale, bounds)
    if not model.is_finite:
        return point, Status.NONFINITE_START, nit
    per_jacobian = residuals.cost_of_jacobian(point.x.size)
    steps = method(norm(scale.of(point.x)))
    status = Status.GRADIENT if model.largest_cosine() <= gtol else None
    while status is None:
        if residuals.nfev + 1 + per_jacobian > fit.budget:
            return point, Status.MAX_EVALUATIONS, nit
        x, length, predicted = model.try_step(steps)
        negligible = xtol * (xtol + norm(scale.of(point.x)))
        trial = Point(x, residuals(x), fit.loss)
        actual = point.cost - trial.cost if math.isfinite(trial.cost) else -math.inf
        gain = actual / predicted if predicted > 0 else -math.inf
        if first:
            longest = length
            if predicted <= ftol * point.cost and abs(actual) <= max(ftol, ROUNDING) * point.cost:
                status = Status.VALUE
            elif length <= negligible:
                status = Status.STEP
        if actual > 0 and gain >= LEAST_GAIN:
            point, first, nit = trial, True, nit + 1
            point.differentiate(residuals, norm(scale.of(point.x)) / scale.d)
            model = Model(point, scale, bounds)
            steps.accepted(gain, length)
            if not fit.proceed(point.x, cost=point.cost, fun=point.f, nit=nit, nfev=residuals.nfev):
                return point, Status.CALLBACK, nit
            if not model.is_finite:
                return point, Status.NONFINITE, nit
            if model.largest_cosine() <= gtol:
                status = Status.GRADIENT
        else:
            steps.rejected(gain, length)
            if status is None and length <= negligible:
                # The model was right up to rounding if its first step was short already, and else wrong.
                status = Status.STEP if longest <= math.sqrt(xtol) * norm(scale.of(point.x)) else Status.NO_DECREASE
            first = False
    if status.success and residuals.refine(point.x.size, fit.budget):
        finer = model_steps(fit, point, method, nit)
        if finer[1:] != (Status.NO_DECREASE, nit):  # they find a way on, or confirm
            return finer
    return point, status, nit
