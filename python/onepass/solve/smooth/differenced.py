"""What is the gradient of an objective that comes without one? Differences of values that fit their noise."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from onepass.arrays import Array
from onepass.solve.callbacks import number
from onepass.solve.derivatives import (
    Map,
    Scheme,
    cost,
    differences,
    directional_difference,
    precision_of,
    relative_step,
    step_sizes,
)

#: By how the minimizer of values that are differenced so is moved, in powers of the relative step: by half a step for
#: simple differences, by a step squared for central ones.
ORDERS: dict[Scheme, int] = {"2-point": 1, "3-point": 2, "cs": 2}
SINGLE = np.dtype(np.float32)


def in_turn(function: Callable[[Array], Any], points: Iterable[Array]) -> list[Any]:
    """A map that lets every exception pass, StopIteration too."""
    return [function(point) for point in points]


@dataclass(frozen=True)
class Steps:
    """How the user wants differences.

    Args:
        absolute, relative: steps, of each coordinate or of all, the latter in units of |x|; None for those that suit
            the objective.
        each: a map, which may call fun in other processes.
    """

    absolute: Array | None = None
    relative: Array | None = None
    each: Map = in_turn


def is_single(value: float) -> bool:
    """Whether it is a number of float32."""
    with np.errstate(over="ignore"):
        return float(np.float32(value)) == value


class Differenced:
    """Gradients from values.

    The steps suit the precision in which the objective is computed: that of what it returns first or, as a Python float
    tells none, float32 where all values that the first gradient takes are numbers of float32.

    Args:
        returned: what fun returns at points.
        scheme: None for simple differences until `refine`, and central ones from there.
        bounds: within which fun is called; variables that are fixed by them are not moved.
    """

    def __init__(
        self,
        returned: Callable[[Iterable[Array]], list[Any]],
        scheme: Scheme | None,
        size: int,
        bounds: tuple[Array, Array] | None,
        steps: Steps,
    ) -> None:
        self._returned, self._scheme, self._steps = returned, scheme or "2-point", steps
        self._may_refine = scheme is None
        self._bounds, self.free = bounds, np.ones(size, bool)
        if bounds is not None:
            self.free = bounds[0] < bounds[1]
        self._size = int(np.count_nonzero(self.free))
        self._precision: Any = None
        self._may_be_single = scheme != "cs" and steps.absolute is None and steps.relative is None
        self._all_single = False

    @property
    def cost(self) -> int:
        """Calls that a gradient takes."""
        return cost(self._scheme, self._size)

    def see(self, returned: Any) -> None:
        """The first value that fun returned."""
        dtype = precision_of(returned)
        self._precision = dtype if dtype.itemsize < 8 else None

    def refine(self, calls: float) -> bool:
        """Whether differences are central ones from now on, and were not before, for so many calls at most."""
        finer = self._may_refine and self._scheme == "2-point" and cost("3-point", self._size) < calls
        if finer:
            self._scheme = "3-point"
        return finer

    def gradient(self, x: Array, value: float, out: Array, calls: float) -> None:
        """The gradient at x, where the value is finite.

        Args:
            calls: that may be made.
        """
        self._all_single = self._may_be_single and x.dtype != SINGLE and is_single(value)
        out[...] = self._differences(x, value, self._precision)
        if self._precision is None:
            self._precision = np.dtype(np.float64)
            if self._all_single and 2 * self.cost <= calls:
                coarser = self._differences(x, value, SINGLE)
                if self._all_single:
                    self._precision, out[...] = SINGLE, coarser

    def slope(self, x: Array, d: Array, value: float) -> float:
        """Along d, from a point between x and where d comes from."""
        found = directional_difference(
            lambda y: self._numbers([y], float)[0], x, value, -d, self._precision, self._bounds
        )
        return -float(found)

    def least(self, x: Array, d: Array) -> float:
        """The step along d below which it makes no difference that can be told: it moves no variable enough."""
        h = relative_step(self._scheme, x.dtype, x.dtype if self._precision is None else self._precision)
        with np.errstate(divide="ignore", over="ignore"):
            return float((h ** ORDERS[self._scheme] * np.maximum(np.abs(x), 1.0) / np.abs(d)).min())

    def _differences(self, x: Array, value: float, precision: Any) -> Array:
        free, steps = self.free, self._given_steps(x)

        def each(_: Any, parts: Iterable[Array]) -> list[Any]:
            points = (self._whole(x, part) for part in parts)
            return self._numbers(points, complex if self._scheme == "cs" else float)

        found = np.zeros_like(x)
        if self._size:
            found[free] = differences(
                lambda part: part,  # what is called is known to `each`
                x[free],
                value,
                self._scheme,
                bounds=None if self._bounds is None else (self._bounds[0][free], self._bounds[1][free]),
                precision=precision,
                steps=None if steps is None else steps[free],
                each=each,
            )
        return found

    def _whole(self, x: Array, part: Array) -> Array:
        """The free variables among the others."""
        if self._size == x.size:
            return part
        whole = x.astype(part.dtype)
        whole[self.free] = part
        return whole

    def _numbers(self, points: Iterable[Array], dtype: type) -> list[Any]:
        numbers = [number(one, dtype=dtype) for one in self._returned(points)]
        self._all_single = self._all_single and all(map(is_single, numbers))
        return numbers

    def _given_steps(self, x: Array) -> Array | None:
        """The user's steps where they move x, and those that suit the objective elsewhere."""
        absolute, relative = self._steps.absolute, self._steps.relative
        if absolute is None and relative is None:
            return None
        wanted = relative * np.abs(x) if absolute is None else absolute
        h = (x + np.copysign(wanted, x).astype(x.dtype)) - x
        usual = step_sizes(x, self._scheme, 1.0, x.dtype if self._precision is None else self._precision)
        return np.where(h != 0, h, usual)
