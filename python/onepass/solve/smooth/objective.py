"""What does the user's objective say at a point? Its value and its gradient, checked, copied and counted."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import inf, isfinite
from typing import Any

import numpy as np

from onepass.arrays import Array
from onepass.solve.callbacks import fill, number
from onepass.solve.derivatives import SCHEMES, Scheme
from onepass.solve.result import Status
from onepass.solve.smooth.differenced import Differenced, Steps

FLOATS = (np.dtype(np.float32), np.dtype(np.float64))
#: Differences as they suit the objective.
STEPS = Steps()


@dataclass(frozen=True)
class Call:
    """A function with its further arguments, which other processes can be given."""

    function: Callable[..., Any]
    args: tuple[Any, ...]

    def __call__(self, x: Array) -> Any:
        return self.function(x, *self.args)


class Objective:
    """Calls the user's functions with the arguments `args`, each time with a copy of the point that is theirs to keep.

    Args:
        fun: the value at x or, with jac=True, the value and the gradient.
        jac: the gradient at x; True; or False, None, or the name of a scheme, for differences of values.
        bounds: lower and upper, which differences keep within, or None.
        limit: calls of fun at most.
        steps: of differences.

    Raises:
        TypeError, ValueError: what a function returned has another shape or is no real number; the message names it.
    """

    def __init__(
        self,
        fun: Callable[..., Any],
        size: int,
        *,
        jac: Callable[..., Any] | bool | Scheme | None = None,
        args: tuple[Any, ...] = (),
        bounds: tuple[Array, Array] | None = None,
        limit: float = inf,
        steps: Steps = STEPS,
    ) -> None:
        self._fun, self._jac, self._args, self._limit, self._each = fun, jac, args, limit, steps.each
        #: Values, those for differences included, and gradients, those by differences included.
        self.nfev = self.njev = 0
        #: How the gradient is made of values, if it is.
        self.differenced: Differenced | None = None
        self.value_and_gradient = self._by_differences
        if jac is True:
            self.value_and_gradient = self._together
        elif callable(jac):
            self.value_and_gradient = self._apart
        elif jac is None or jac is False or (isinstance(jac, str) and jac in SCHEMES):
            self.differenced = Differenced(self._many, jac or None, size, bounds, steps)
        else:
            raise ValueError(f"jac must be a function, True, None, or one of {', '.join(SCHEMES)}, got {jac!r}")

    @property
    def cost(self) -> int:
        """Calls of fun that a value with its gradient takes."""
        return 1 if self.differenced is None else 1 + self.differenced.cost

    def left(self) -> int:
        """How often value and gradient may still be asked for."""
        return 1 << 62 if self._limit == inf else int((self._limit - self.nfev) // self.cost)

    def value(self, x: Array) -> float:
        returned = self._fun(x.copy(), *self._args)
        if self.differenced is not None and not self.nfev:
            self.differenced.see(returned)
        self.nfev += 1
        return float(number(returned))

    def gradient(self, x: Array, value: float, out: Array) -> None:
        """At x, where this is the value; for an objective without gradient."""
        assert self.differenced is not None
        self.njev += 1
        if isfinite(value):
            self.differenced.gradient(x, value, out, self._limit - self.nfev)
        else:
            out[...] = np.nan

    def slope(self, x: Array, d: Array, value: float) -> float:
        """That of the value along d, from one more value; for an objective without gradient."""
        assert self.differenced is not None
        return self.differenced.slope(x, d, value)

    def refine(self, x: Array, value: float, out: Array) -> bool:
        """Whether differences are central ones from now on, and `out` the gradient by them, as far as calls suffice."""
        if self.differenced is None or not self.differenced.refine(self._limit - self.nfev):
            return False
        self.gradient(x, value, out)
        return True

    @property
    def stuck(self) -> Status:
        """Why no step decreases the value."""
        return Status.NO_DECREASE if self.differenced is None else Status.NOISE

    def gradient_at(self, x: Array) -> Array:
        """By the user's function; x may be kept by it."""
        out = np.empty_like(x)
        if self._jac is True:
            self._together(x, out)
        else:
            self._gradient(x, out)
        return out

    def _together(self, x: Array, out: Array) -> float:
        self.nfev += 1
        self.njev += 1
        both = self._fun(x.copy(), *self._args)
        if not isinstance(both, (tuple, list)) or len(both) != 2:
            raise TypeError(f"with jac=True fun must return the value and the gradient, got {type(both).__name__}")
        fill(out, both[1], "the gradient that fun returns")
        return float(number(both[0]))

    def _apart(self, x: Array, out: Array) -> float:
        value = self.value(x)
        self._gradient(x, out)
        return value

    def _gradient(self, x: Array, out: Array) -> None:
        self.njev += 1
        fill(out, self._jac(x.copy(), *self._args), "what jac returns")  # type: ignore[operator,misc]

    def _by_differences(self, x: Array, out: Array) -> float:
        value = self.value(x)
        self.gradient(x, value, out)
        return value

    def _many(self, points: Iterable[Array]) -> list[Any]:
        """What fun returns at points of its own."""
        returned = list(self._each(Call(self._fun, self._args), points))
        self.nfev += len(returned)
        return returned
