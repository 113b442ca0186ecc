"""What is known at a point of a least-squares problem? Residuals, cost, and the Jacobian scaled by the loss."""

from __future__ import annotations

from typing import Any

import numpy as np

from onepass.arrays import Array
from onepass.solve.result import OptimizeResult, Status
from onepass.solve.squares.linear_model import LinearModel
from onepass.solve.squares.losses import Loss
from onepass.solve.squares.residuals import Bounds, Residuals


class Scale:
    """D, by which parameters are multiplied: the largest norms so far of the Jacobian's columns, or 1 / x_scale.

    Raises:
        TypeError, ValueError: x_scale is not "jac" and no sizes above 0.
    """

    def __init__(self, x_scale: Any, x: Array) -> None:
        #: 1 / x_scale, or None if the Jacobian decides.
        self.given: Array | None = None
        self._largest = np.zeros(x.shape)
        self.d = np.ones(x.shape)
        if isinstance(x_scale, str) and x_scale == "jac":
            return
        sizes = np.asarray(x_scale)
        if sizes.dtype.kind not in "fiu" or sizes.shape not in ((), x.shape[-1:]):
            raise ValueError(f'x_scale must be "jac", a number or an array of shape {x.shape[-1:]}, got {x_scale!r}')
        if not (np.isfinite(sizes) & (sizes > 0)).all():
            raise ValueError(f"x_scale must be finite and above 0, got {x_scale!r}")
        self.given = self.d = self.d / sizes

    def of(self, x: Array) -> Array:
        """The scaled parameters."""
        return self.d * x

    def see(self, norms: Array) -> None:
        """Takes account of a Jacobian's norms of columns."""
        if self.given is None:
            self._largest = np.maximum(self._largest, norms)
            self.d = or_one(self._largest)


class Point:
    """A point with its residuals and cost and, after `differentiate`, its Jacobian."""

    jac: Array
    #: The residuals, and the factors of the Jacobian's rows if there are any, as the loss scales them.
    scaled_f: Array
    of_rows: Array | None

    def __init__(self, x: Array, f: Array, loss: Loss) -> None:
        self.x, self.f, self._loss = x, f, loss
        self.cost = float(loss.cost(f))
        self.is_differentiated = False

    def differentiate(self, residuals: Residuals, sizes: Array | None) -> None:
        """Asks for the Jacobian; sizes as in `Residuals.jacobian`."""
        self.jac, self.scaled_f, self.of_rows = residuals.jacobian(self.x, self.f, sizes), self.f, None
        if not self._loss.is_linear:
            with np.errstate(over="ignore", invalid="ignore"):
                of_f, self.of_rows = self._loss.scales(self.f)
                self.scaled_f, self.jac = self.f * of_f, self.jac * self.of_rows[:, None]
        self.is_differentiated = True

    @np.errstate(over="ignore", invalid="ignore")
    def result(self, status: Status, residuals: Residuals, bounds: Bounds, nit: int) -> OptimizeResult:
        """All that the user is told."""
        entries: dict[str, Any] = {}
        if self.is_differentiated:
            gradient: Array = self.scaled_f.dot(self.jac)
            norms = column_norms(self.jac)
            entries = {"jac": self.jac, "grad": gradient}
            if np.isfinite(norms).all() and np.isfinite(gradient).all():
                active = np.zeros(self.x.shape, int)
                if bounds is not None:
                    active = (self.x >= bounds[1]).astype(int) - (self.x <= bounds[0]).astype(int)
                pulls = active * gradient < 0  # held by the bound
                entries["optimality"] = float(np.abs(np.where(pulls, 0.0, gradient)).max())
                entries["active_mask"] = active
                entries["rank"] = LinearModel(self.jac / or_one(norms), self.scaled_f).rank
        return OptimizeResult(
            x=self.x.copy(),
            cost=self.cost,
            fun=self.f,
            **entries,
            nfev=residuals.nfev,
            njev=residuals.njev,
            nit=nit,
            status=status,
        )


def column_norms(matrix: Array) -> Array:
    norms: Array = np.sqrt(np.einsum("ij,ij->j", matrix, matrix))
    return norms


def or_one(sizes: Array) -> Array:
    """The sizes, and 1 for those that are 0."""
    return sizes if sizes.all() else np.where(sizes > 0, sizes, 1.0)
