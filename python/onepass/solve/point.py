"""What is known at a point of a least-squares problem? Residuals, cost, the scaled Jacobian, and where a step leads."""

from __future__ import annotations

import math
from typing import Any, Protocol

import numpy as np

from onepass.groups import Array
from onepass.solve.linear_model import LinearModel, norm
from onepass.solve.losses import Loss
from onepass.solve.residuals import Bounds, Residuals
from onepass.solve.result import OptimizeResult, Status

#: The smallest normal number.
TINY = float(np.finfo(np.float64).tiny)
#: The share of a step at which the second derivative along it is measured.
BEND_AT = 0.1


class Steps(Protocol):
    """A method: which step comes next, given the model and how the last trial went."""

    def propose(self, model: LinearModel) -> tuple[Array, Array]:
        """The scaled trial step, and the one for which the model makes its promise."""

    def accepted(self, gain: float, length: float) -> None:
        """The trial gained this share of the promise and was taken."""

    def rejected(self, gain: float, length: float) -> None:
        """It was not taken."""


class Scale:
    """D, by which parameters are multiplied: the largest norms so far of the Jacobian's columns, or 1 / x_scale.

    Raises:
        TypeError, ValueError: x_scale is not "jac" and no sizes above 0.
    """

    def __init__(self, x_scale: Any, x: Array) -> None:
        self.by_jacobian = isinstance(x_scale, str) and x_scale == "jac"
        self._largest = np.zeros(x.shape)
        self.d = np.ones(x.shape)
        if self.by_jacobian:
            return
        sizes = np.asarray(x_scale)
        if sizes.dtype.kind not in "fiu" or sizes.shape not in ((), x.shape[-1:]):
            raise ValueError(f'x_scale must be "jac", a number or an array of shape {x.shape[-1:]}, got {x_scale!r}')
        if not (np.isfinite(sizes) & (sizes > 0)).all():
            raise ValueError(f"x_scale must be finite and above 0, got {x_scale!r}")
        self.d /= sizes

    def of(self, x: Array) -> Array:
        """The scaled parameters."""
        return self.d * x

    def see(self, norms: Array) -> None:
        """Takes account of a Jacobian's norms of columns."""
        if self.by_jacobian:
            self._largest = np.maximum(self._largest, norms)
            self.d = self._largest if self._largest.all() else np.where(self._largest > 0, self._largest, 1.0)


class Point:
    """A point with its residuals and cost and, after `differentiate`, its linear model."""

    def __init__(self, x: Array, f: Array, loss: Loss) -> None:
        self.x, self.f, self._loss = x, f, loss
        self.cost = float(loss.cost(f))
        self.jac: Array | None = None
        self.is_finite = False

    def differentiate(self, residuals: Residuals, scale: Scale, bounds: Bounds) -> None:
        """Asks for the Jacobian and factors it; `is_finite` says whether that was possible."""
        self._take(residuals.jacobian(self.x, self.f), scale, bounds)

    @np.errstate(over="ignore", invalid="ignore")
    def _take(self, jac: Array, scale: Scale, bounds: Bounds) -> None:
        f = self.f
        self._of_rows: Array | None = None
        if not self._loss.is_linear:
            of_f, self._of_rows = self._loss.scales(f)
            f, jac = f * of_f, jac * self._of_rows[:, None]
        self.jac, self._scaled_f = jac, f
        self._norms = np.sqrt(np.einsum("ij,ij->j", jac, jac))
        self.gradient: Array = f.dot(jac)
        ones = np.ones_like(self._norms)  # a product with them is the fastest sum
        if not math.isfinite(self._norms.dot(ones) + self.gradient.dot(ones)):
            return
        scale.see(self._norms)
        self._d, self._bounds = scale.d, bounds
        self._free: Array | None = None
        a = jac / self._d
        if bounds is not None:
            x, g = self.x, self.gradient
            self._free = ~(((x <= bounds[0]) & (g > 0)) | ((x >= bounds[1]) & (g < 0)))
            a = a * self._free
        self._a = a
        self._model = LinearModel(a, f)
        self.is_finite = True

    def largest_cosine(self) -> float:
        """Of the angles between the residuals and the columns of the Jacobian that belong to free parameters."""
        # A column of zeros has the gradient 0.
        cosines = np.abs(self.gradient) / np.maximum(self._norms, TINY)
        if self._free is not None:
            cosines = cosines * self._free
        length = norm(self._scaled_f)
        return float(cosines.max()) / length if length else 0.0

    @np.errstate(over="ignore", invalid="ignore")
    def try_step(self, steps: Steps) -> tuple[Array, float, float]:
        """Where the next trial is, how long the scaled step to it, and the decrease that the model promises."""
        p, promised = steps.propose(self._model)
        if self._bounds is None:
            return self.x + p / self._d, norm(p), self._model.decrease(promised)
        lower, upper = self._bounds
        assert self._free is not None
        # A parameter that is at a bound and would leave is held; the last one never would, as it follows its gradient.
        p = p * self._free
        while (outward := ((self.x <= lower) & (p < 0)) | ((self.x >= upper) & (p > 0))).any():
            self._free = self._free.copy()
            self._free[np.argmax(np.where(outward, np.abs(p), -1.0))] = False
            self._a = self._a * self._free
            self._model = LinearModel(self._a, self._scaled_f)
            p, promised = steps.propose(self._model)
            p = p * self._free
        x = np.clip(self.x + p / self._d, lower, upper)
        p = (x - self.x) * self._d
        return x, norm(p), self._model.decrease(p)

    def bend(self, p: Array, residuals: Residuals, budget: int) -> Array | None:
        """A^T times the second derivative of the residuals along p; None if it cannot be had.

        Transtrum and Sethna 2012, eq. 16: 2 / h ((f(x + h p) - f(x)) / h - J p).
        """
        step = p / self._d
        x = self.x + BEND_AT * step
        leaves = self._bounds is not None and not ((x >= self._bounds[0]) & (x <= self._bounds[1])).all()
        if leaves or residuals.nfev + 2 + residuals.cost_of_jacobian(p.size) > budget:
            return None
        f = residuals(x)
        if not np.isfinite(f).all():
            return None
        change = (f - self.f) / BEND_AT
        if self._of_rows is not None:
            change = change * self._of_rows
        second: Array = ((2 / BEND_AT) * (change - self._a.dot(p))).dot(self._a)
        return second

    def result(self, status: Status, residuals: Residuals, nit: int) -> OptimizeResult:
        """All that the user is told."""
        entries: dict[str, Any] = {}
        if self.jac is not None:
            entries = {"jac": self.jac, "grad": self.gradient}
        if self.is_finite:
            active = np.zeros(self.x.shape, int)
            if self._bounds is not None:
                active = (self.x >= self._bounds[1]).astype(int) - (self.x <= self._bounds[0]).astype(int)
            pulls = active * self.gradient < 0  # held by the bound
            entries["optimality"] = float(np.abs(np.where(pulls, 0.0, self.gradient)).max())
            entries["active_mask"] = active
            entries["rank"] = self._model.rank
        x = self.x.copy()
        return OptimizeResult(
            x=x,
            cost=self.cost,
            fun=self.f,
            **entries,
            nfev=residuals.nfev,
            njev=residuals.njev,
            nit=nit,
            status=status,
        )
