"""What does the user's objective say at a point? Its value, gradient and curvature, checked, copied and counted."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite
from typing import Any

import numpy as np

from onepass.arrays import Array
from onepass.solve.callbacks import described
from onepass.solve.derivatives import SCHEMES, Scheme, cost, differences, directional_difference

FLOATS = (np.dtype(np.float32), np.dtype(np.float64))


def read_only(x: Array) -> tuple[Array, Array]:
    """The array, and a view of it through which nobody writes."""
    view = x.view()
    view.flags.writeable = False
    return x, view


class Objective:
    """Calls the user's functions with the arguments `args`.

    The functions get a read-only view of the point, which is good until the next call. What they return is copied.

    Args:
        fun: the value at x or, with jac=True, the value and the gradient.
        jac: the gradient at x; True; or None, "2-point" or "3-point" for differences of values.
        hess: the Hessian at x, or None.
        hessp: the Hessian at x times p, given x and p, or None; without one, `hess` or differences of gradients.
        bounds: lower and upper, which differences keep within, or None.

    Raises:
        TypeError, ValueError: what a function returned has another shape or is no real number; the message names it.
    """

    def __init__(
        self,
        fun: Callable[..., Any],
        size: int,
        *,
        jac: Callable[..., Any] | bool | Scheme | None = None,
        hess: Callable[..., Any] | None = None,
        hessp: Callable[..., Any] | None = None,
        args: tuple[Any, ...] = (),
        bounds: tuple[Array, Array] | None = None,
    ) -> None:
        self._fun, self._jac, self._hess, self._hessp, self._args, self._bounds = fun, jac, hess, hessp, args, bounds
        self.nfev = self.njev = self.nhev = 0
        #: Calls of fun that a value with its gradient takes.
        self.cost = 1
        self.value_and_gradient = self._by_differences
        if jac is True:
            self.value_and_gradient = self._together
        elif callable(jac):
            self.value_and_gradient = self._apart
        elif jac is None or jac is False or jac in SCHEMES:
            self._scheme: Scheme = jac or "2-point"
            self.cost = 1 + cost(self._scheme, size)
        else:
            raise ValueError(f'jac must be a function, True, None, "2-point" or "3-point", got {jac!r}')

    def value(self, x: Array) -> float:
        self.nfev += 1
        return number(self._fun(x, *self._args))

    def _together(self, x: Array, out: Array) -> float:
        self.nfev += 1
        self.njev += 1
        both = self._fun(x, *self._args)
        if not isinstance(both, (tuple, list)) or len(both) != 2:
            raise TypeError(f"with jac=True fun must return the value and the gradient, got {type(both).__name__}")
        fill(out, both[1], "the gradient that fun returns")
        return number(both[0])

    def _apart(self, x: Array, out: Array) -> float:
        self.nfev += 1
        value = number(self._fun(x, *self._args))
        self._gradient(x, out)
        return value

    def _gradient(self, x: Array, out: Array) -> None:
        self.njev += 1
        fill(out, self._jac(x, *self._args), "what jac returns")  # type: ignore[operator,misc]

    def _by_differences(self, x: Array, out: Array) -> float:
        value = self.value(x)
        if not isfinite(value):
            out[...] = np.nan
        elif self._bounds is None:
            out[...] = differences(self.value, x, value, self._scheme)
        else:
            self._differences_within(*self._bounds, x, value, out)
        return value

    def _differences_within(self, lower: Array, upper: Array, x: Array, value: float, out: Array) -> None:
        """Differences of the variables that have room; the others' do not matter."""
        free = lower < upper

        def of_free(part: Array) -> float:
            full = x.copy()
            full[free] = part
            return self.value(full)

        out[...] = 0
        if free.any():
            bounds = lower[free], upper[free]
            out[free] = differences(of_free, x[free], value, self._scheme, bounds=bounds)

    def hessian(self, x: Array) -> Array:
        self.nhev += 1
        out = np.empty((x.size, x.size), x.dtype)
        fill(out, self._hess(x, *self._args), "what hess returns")  # type: ignore[misc]
        return out

    def curvature(self, x: Array, g: Array) -> Callable[[Array], Array]:
        """The Hessian at x, where the gradient is g, as a function that multiplies with it."""
        if self._hessp is not None:
            return lambda p: self._product(x, p)
        if self._hess is not None:
            return self.hessian(x).__matmul__
        at_x = g.copy()
        return lambda p: directional_difference(self._gradient_at, x, at_x, p)

    def _gradient_at(self, x: Array) -> Array:
        out = np.empty_like(x)
        if self._jac is True:
            self._together(x, out)
        else:
            self._gradient(x, out)
        return out

    def _product(self, x: Array, p: Array) -> Array:
        self.nhev += 1
        out = np.empty_like(p)
        fill(out, self._hessp(x, read_only(p)[1], *self._args), "what hessp returns")  # type: ignore[misc]
        return out


def number(value: Any) -> float:
    """A value of the objective as a float."""
    if isinstance(value, float):  # NumPy's float64 is one, too
        return float(value)
    array = np.asarray(value)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"fun must return a real number, got {described(value, array)}")
    if array.size != 1:
        raise ValueError(f"fun must return one number, got an array of shape {array.shape}")
    return float(array.item())


def fill(out: Array, given: Any, what: str) -> None:
    """Copies what a function returned, which may be a buffer that it uses again, or the point itself."""
    array = given if type(given) is np.ndarray else np.asarray(given)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{what} must be an array of real numbers, got {described(given, array)}")
    if array.shape != out.shape:
        raise ValueError(f"{what} must have the shape {out.shape}, got {array.shape}")
    if array.dtype == out.dtype:
        out[...] = array
    else:
        with np.errstate(over="ignore"):
            out[...] = array
