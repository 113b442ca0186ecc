"""How do the methods run whose steps come from a model that is decomposed once per point? Dogleg and Gauss-Newton."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from onepass.arrays import Array
from onepass.solve.result import Status
from onepass.solve.squares.fit import ROUNDING, Fit, Found
from onepass.solve.squares.iterative_model import IterativeModel
from onepass.solve.squares.linear_model import LinearModel, norm
from onepass.solve.squares.point import Point, Scale, free, largest_cosine
from onepass.solve.squares.residuals import Bounds

#: A step that gains less than this share of what the model promised is not taken.
LEAST_GAIN = 1e-4


class Steps(Protocol):
    """A method: which step comes next, given the model and how the last trial went."""

    def propose(self, model: Any) -> Array:
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
        ones = np.ones_like(point.norms)  # a product with them is the fastest sum
        self.is_finite = math.isfinite(point.norms.dot(ones) + point.gradient.dot(ones))
        if not self.is_finite:
            return
        scale.see(point.norms)
        self._d = scale.d
        self._free = free(point, bounds)
        self._model = self._of_free()
        self.is_finite = not isinstance(self._model, IterativeModel) or self._model.is_finite

    def _of_free(self) -> LinearModel | IterativeModel:
        """The model of the parameters that are free."""
        point = self._point
        if isinstance(point.jac, np.ndarray):
            a = point.jac / self._d
            return LinearModel(a if self._free is None else a * self._free, point.scaled_f)
        weights = (1.0 if self._free is None else self._free) / self._d
        return IterativeModel(point.jac, weights, point.scaled_f, point.gradient, point.norms)

    @property
    def is_full_rank(self) -> bool:
        """Whether it determines all parameters that are free, as far as it is known."""
        if isinstance(self._model, IterativeModel):
            return self._model.is_determined
        return self._model.rank == (self._d.size if self._free is None else np.count_nonzero(self._free))

    def promise(self) -> float:
        """By how much the model can be lower than at the point."""
        return self._model.decrease(self._model.newton())

    def to_minimizer(self) -> Array:
        """The step to where the model is lowest, the shortest one."""
        step: Array = self._model.newton() / self._d
        return step

    @np.errstate(over="ignore", invalid="ignore")
    def try_step(self, steps: Steps) -> tuple[Array, float, float]:
        """Where the next trial is, how long the scaled step to it, and the decrease that the model promises."""
        start = self._point.x
        p = steps.propose(self._model)
        if self._bounds is None:
            return start + p / self._d, norm(p), self._model.decrease(p)
        lower, upper = self._bounds
        assert self._free is not None
        # A parameter that is at a bound and would leave is held, or all of them where steps are dear; some never would,
        # as they follow their gradient.
        p = p * self._free
        while (outward := ((start <= lower) & (p < 0)) | ((start >= upper) & (p > 0))).any():
            self._free = self._free.copy()
            is_dear = isinstance(self._model, IterativeModel)
            self._free[outward if is_dear else np.argmax(np.where(outward, np.abs(p), -1.0))] = False
            self._model = self._of_free()
            p = steps.propose(self._model)
            p = p * self._free
        x = np.clip(start + p / self._d, lower, upper)
        p = (x - start) * self._d
        return x, norm(p), self._model.decrease(p)


def model_steps(fit: Fit, point: Point, nit: int, *, method: Callable[[float], Steps]) -> Found:
    """Runs a method from a point that was reached after so many steps.

    Args:
        method: given the length of the scaled x at that point.
    """
    residuals, scale = fit.residuals, fit.scale
    ftol, xtol, gtol = fit.tolerances
    first, longest = True, math.inf
    if not point.is_differentiated:
        point.differentiate(residuals, None)
    model = Model(point, scale, fit.bounds)
    if not model.is_finite:
        return Found(point, Status.NONFINITE_START, nit)
    steps = method(norm(scale.of(point.x)))
    status = Status.GRADIENT if largest_cosine(point, fit.bounds) <= gtol else None
    while status is None:
        if not fit.leaves(1 + residuals.per_jacobian):
            return Found(point, Status.MAX_EVALUATIONS, nit)
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
            if status is None or not fit.is_rough:
                point.differentiate(residuals, norm(scale.of(point.x)) / scale.d)
                model = Model(point, scale, fit.bounds)
            steps.accepted(gain, length)
            if fit.proceed and not fit.proceed(point.x, cost=point.cost, fun=point.f, nit=nit, nfev=residuals.nfev):
                return Found(point, Status.CALLBACK, nit)
            if not model.is_finite:
                return Found(point, Status.NONFINITE, nit)
            if point.is_differentiated and largest_cosine(point, fit.bounds) <= gtol:
                status = Status.GRADIENT
        else:
            steps.rejected(gain, length)
            if status is None and length <= negligible:
                # The model was right up to rounding if its first step was short already, and else wrong.
                status = Status.STEP if longest <= math.sqrt(xtol) * norm(scale.of(point.x)) else Status.NO_DECREASE
            first = False
    return Found(point, status, nit)
