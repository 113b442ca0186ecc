"""What is known at a point of a least-squares problem? Residuals, cost, and the Jacobian scaled by the loss."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from onepass._core import inverse_square
from onepass.arrays import Array
from onepass.solve.result import OptimizeResult, Status
from onepass.solve.squares.large_jacobian import LargeJacobian
from onepass.solve.squares.linear_model import LinearModel, column_norms, norm
from onepass.solve.squares.losses import Loss
from onepass.solve.squares.residuals import Bounds, Residuals
from onepass.solve.squares.sparsity import sparse

#: The smallest normal number.
TINY = float(np.finfo(np.float64).tiny)


class Scale:
    """D, by which parameters are multiplied: the largest norms so far of the Jacobian's columns, or 1 / x_scale.

    Attributes:
        given: 1 / x_scale, or None if the Jacobian decides.
        longest: the largest norms of the columns since the start; the core writes it.

    Raises:
        TypeError, ValueError: x_scale is not "jac" and no sizes above 0.
    """

    def __init__(self, x_scale: Any, x: Array) -> None:
        self.given: Array | None = None
        self.longest = np.zeros(x.shape)
        if x_scale is None or (isinstance(x_scale, str) and x_scale == "jac"):
            return
        sizes = np.asarray(x_scale)
        if sizes.dtype.kind not in "fiu" or sizes.shape not in ((), x.shape[-1:]):
            raise ValueError(f'x_scale must be "jac", a number or an array of shape {x.shape[-1:]}, got {x_scale!r}')
        if not (np.isfinite(sizes) & (sizes > 0)).all():
            raise ValueError(f"x_scale must be finite and above 0, got {x_scale!r}")
        self.given = self.d = np.ones(x.shape) / sizes

    @cached_property
    def d(self) -> Array:
        """D."""
        return np.ones_like(self.longest)

    @cached_property
    def _largest(self) -> Array:
        return np.zeros_like(self.longest)

    def of(self, x: Array) -> Array:
        """The scaled parameters; 0 where there was no column so far, for a huge one would make all steps look short."""
        return (self._largest if self.given is None else self.d) * x

    def see(self, norms: Array) -> None:
        """Takes account of a Jacobian's norms of columns."""
        self.remember(norms)
        if self.given is None:
            self._largest = np.maximum(self._largest, norms)
            self.d = or_one(self._largest)

    def remember(self, norms: Array) -> None:
        """Takes account of norms for `longest` alone."""
        np.maximum(self.longest, norms, out=self.longest)

    def forget(self) -> None:
        """The next norms decide alone."""
        self._largest = np.zeros_like(self._largest)


class Point:
    """Residuals and cost and, after `differentiate`, derivatives."""

    #: The Jacobian.
    jac: Any
    #: The residuals, and the factors of the Jacobian's rows if there are any, as the loss scales them.
    scaled_f: Array
    of_rows: Array | None
    #: What the core knows of the last Jacobian of a run: the largest cosine, and whether a column has vanished.
    cosine: float | None = None
    has_vanished: bool = True
    #: The numbers of the parameters that have no effect here, as far as that was looked for.
    flat: Sequence[int] = ()

    def __init__(self, x: Array, f: Array, loss: Loss, cost: float | None = None) -> None:
        self.x, self.f, self._loss = x, f, loss
        self.cost = float(loss.cost(f)) if cost is None else cost
        self.is_differentiated = False

    def differentiate(self, residuals: Residuals, sizes: Array | None) -> None:
        """Asks for the Jacobian; sizes as in `Residuals.jacobian`."""
        self.differentiated(residuals.derivatives(self.x, self.f, sizes))
        if not self._loss.is_linear:
            with np.errstate(over="ignore", invalid="ignore"):
                slopes, self.of_rows = self._loss.scales(self.f)
                self.gradient = pulled(self.f * slopes, self.jac)
                self.scaled_f, self.jac = self.f * (slopes / self.of_rows), with_rows(self.jac, self.of_rows)

    def differentiated(self, jac: Array | LargeJacobian) -> None:
        """Takes the Jacobian, without a loss."""
        self.jac, self.scaled_f, self.of_rows = jac, self.f, None
        self.is_differentiated = True

    @cached_property
    def norms(self) -> Array:
        """Of the columns of the Jacobian."""
        with np.errstate(over="ignore", invalid="ignore"):
            return column_norms(self.jac) if isinstance(self.jac, np.ndarray) else self.jac.norms()

    @cached_property
    def gradient(self) -> Array:
        """Of the cost."""
        with np.errstate(over="ignore", invalid="ignore"):
            return pulled(self.scaled_f, self.jac)

    def without_jacobian(self) -> Point:
        """The same before `differentiate`."""
        return Point(self.x, self.f, self._loss, self.cost)

    def active(self, bounds: Bounds) -> Array:
        """-1 at the lower bound, 1 at the upper one, 0 at none; -1 where they are equal."""
        if bounds is None:
            return np.zeros(self.x.shape, int)
        at_lower = self.x <= bounds[0]
        return np.where(at_lower, -1, (self.x >= bounds[1]).astype(int))

    @np.errstate(over="ignore", invalid="ignore")
    def result(self, status: Status, residuals: Residuals, bounds: Bounds, nit: int) -> OptimizeResult:
        """All that the user is told."""
        entries: dict[str, Any] = {}
        if self.flat:
            without = ", ".join(f"x[{j}]" for j in self.flat)
            entries["message"] = f"{status.message}; no effect there: {without}"
        if self.is_differentiated:
            is_large = not isinstance(self.jac, np.ndarray)
            jac = self.jac.of_user() if is_large else sparse(self.jac) if residuals.is_sparse else self.jac
            entries |= {"jac": jac, "grad": self.gradient}
            if np.isfinite(self.norms).all() and np.isfinite(self.gradient).all():
                of_free = free(self, bounds)
                pulls = self.gradient if of_free is None else self.gradient * of_free
                entries["optimality"] = float(np.abs(pulls).max(initial=0.0))
                entries["active_mask"] = self.active(bounds)
                if not is_large:
                    entries["rank"] = self._rank()
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

    def _rank(self) -> int:
        is_certain = inverse_square(self.jac, 1.0) is not None
        return self.x.size if is_certain else LinearModel(self.jac / or_one(self.norms), self.scaled_f).rank


def pulled(f: Array, jac: Array | LargeJacobian) -> Array:
    """J^T f."""
    found: Array = f.dot(jac) if isinstance(jac, np.ndarray) else jac.transposed(f)
    return found


def with_rows(jac: Array | LargeJacobian, factors: Array) -> Array | LargeJacobian:
    """The Jacobian whose rows are multiplied by these."""
    return jac * factors[:, None] if isinstance(jac, np.ndarray) else jac.with_rows(factors)


def free(point: Point, bounds: Bounds) -> Array | None:
    """Which parameters no bound holds: at it, with a gradient that points outwards; None without bounds."""
    if bounds is None:
        return None
    x, gradient = point.x, point.gradient
    return ~(((x <= bounds[0]) & (gradient > 0)) | ((x >= bounds[1]) & (gradient < 0)))


def largest_cosine(point: Point, bounds: Bounds) -> float:
    """Of the angles between the residuals and the columns of the Jacobian that belong to free parameters."""
    if point.cosine is not None:
        return point.cosine
    # A column of zeros has the gradient 0.
    cosines = np.abs(point.gradient) / np.maximum(point.norms, TINY)
    if (of_free := free(point, bounds)) is not None:
        cosines = cosines * of_free
    length = norm(point.scaled_f)
    return float(cosines.max()) / length if length else 0.0


def or_one(sizes: Array) -> Array:
    """The sizes, and 1 for those that are 0."""
    return sizes if sizes.all() else np.where(sizes > 0, sizes, 1.0)
