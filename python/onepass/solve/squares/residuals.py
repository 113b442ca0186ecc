"""What do the user's residuals say at a point? Values and the Jacobian, checked, copied and counted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from onepass.arrays import Array
from onepass.solve.callbacks import checked
from onepass.solve.derivatives import SCHEMES, Scheme, cost, differences, precision_of

Jacobian = Callable[..., Any] | Scheme | None
Bounds = tuple[Array, Array] | None

#: The least part of the length of x that a parameter counts as.
LEAST_PART = 1e-3


@dataclass(frozen=True)
class User:
    """What the user gave.

    Attributes:
        residual: of x, shape (n,), an array of shape (m,); for many problems there is an axis before those.
        jac: of x, an array of shape (m, n); or "2-point" or "3-point"; None is simple ones until `Residuals.refine`.
        args, kwargs: passed on to both.
        bounds: within which residual is called, or None.
    """

    residual: Callable[..., Any]
    jac: Jacobian
    args: Sequence[Any]
    kwargs: Mapping[str, Any]
    bounds: Bounds


class Functions:
    """The user's functions, and what is known of them once they have been called."""

    def __init__(self, user: User) -> None:
        self._residual, self._args, self._kwargs, self._bounds = user.residual, user.args, user.kwargs, user.bounds
        self._jac, self._scheme = chosen(user.jac)
        self._m: int | None = None
        self._precision: Any = None


class Residuals(Functions):
    """The user's functions at points that they cannot change.

    Raises:
        TypeError, ValueError: what a function returned has another shape or is no array of real numbers.
    """

    def __init__(self, user: User) -> None:
        super().__init__(user)
        self._may_refine = user.jac is None
        self._largest: Array = np.zeros(())
        self._sizes: Array | None = None
        self._is_unknown: Array = np.zeros((), bool)
        self.nfev = self.njev = 0

    def __call__(self, x: Array) -> Array:
        self.nfev += 1
        x.flags.writeable = False
        returned = self._residual(x, *self._args, **self._kwargs)
        f = checked("residual", returned, (self._m,), np.float64)
        if self._m is None:
            if not f.size:
                raise ValueError("residual must return at least one number, got an array of shape (0,)")
            self._m = f.size
            self._precision = precision_of(returned)
        return f

    def cost_of_jacobian(self, n: int) -> int:
        """How many residuals a Jacobian takes."""
        return cost(self._scheme, n) if self._jac is None else 0

    def refine(self, n: int, budget: int) -> bool:
        """Whether differences are central ones from now on, and were not before: if jac=None and the calls suffice."""
        finer = self._may_refine and self._scheme == "2-point" and self.nfev + cost("3-point", n) <= budget
        if finer:
            self._scheme = "3-point"
        return finer

    def jacobian(self, x: Array, f: Array, sizes: Array | None) -> Array:
        """The Jacobian at x, where the residuals are f.

        Args:
            sizes: what `typical_sizes` takes, or None where the last ones hold.
        """
        self.njev += 1
        if self._jac is not None:
            return checked("jac", self._jac(x, *self._args, **self._kwargs), (f.size, x.size), np.float64)
        self._largest = np.maximum(self._largest, np.abs(x))
        if self.njev == 1:
            self._is_unknown = x == 0
        if sizes is not None:
            self._sizes = sizes
        typical = typical_sizes(self._largest, self._sizes, self._is_unknown)
        with np.errstate(over="ignore", invalid="ignore"):
            return differences(
                self, x, f, self._scheme, typical=typical, bounds=self._bounds, precision=self._precision
            ).T


def typical_sizes(largest: Array, sizes: Array | None, is_unknown: Array) -> Array:
    """What the steps of differences are small beside: the largest |x| so far.

    A start of 0 says nothing of a parameter's size, and if the parameter then happens to be next to 0 among others that
    are not, its steps would drown in the rounding of f. So it counts as a small part of the length of x, in its units.

    Args:
        sizes: the length of the scaled x along each parameter, |D x| / D, or None if D is not known.
        is_unknown: where the start is 0.
    """
    typical = largest if sizes is None else np.maximum(largest, (LEAST_PART * is_unknown) * sizes)
    return np.where(typical > 0, typical, 1.0)


def chosen(jac: Jacobian) -> tuple[Callable[..., Any] | None, Scheme]:
    """The function, if jac is one, and the scheme of differences for want of one."""
    if callable(jac):
        return jac, "2-point"
    if jac is None:
        return None, "2-point"
    if jac in SCHEMES and jac != "cs":  # residuals are real here
        return None, jac
    raise ValueError(f'jac must be a function, None, "2-point" or "3-point", got {jac!r}')
