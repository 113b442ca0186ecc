"""Who computes? The kernels, or the formulas in NumPy, which the golden hashes are of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from onepass import _core
from onepass.arrays import Array
from onepass.optimizer import Optimizer
from onepass.reference.kernels import lbfgs, lbfgs_bounds, vectors
from onepass.reference.kernels.levenberg_marquardt import Problem
from onepass.reference.step.twin import Twin


@dataclass(frozen=True)
class Side:
    """The same work under the same names.

    Attributes:
        stepper: what makes the steps of an optimizer; it has `step`, and `arrays_of` takes it.
        levenberg_marquardt: holds many problems, as `_core.LevenbergMarquardt`.
    """

    stepper: Callable[[Optimizer], Optimizer | Twin]
    dots: Callable[..., Array]
    combine: Callable[..., None]
    blend: Callable[..., float]
    rank_two: Callable[..., None]
    lbfgs_direction: Callable[..., float]
    lbfgs_bounded_step: Callable[..., tuple[float, float, float] | None]
    half_squares: Callable[[Array], Array]
    levenberg_marquardt: Callable[..., Any]


class Problems:
    """`Problem` by `Problem`, with the methods of the core's, which works on all at once."""

    def __init__(
        self, x: Array, costs: Array, lower: Array | None, upper: Array | None, d: Array | None, *tolerances: float
    ) -> None:
        bounds = None if lower is None or upper is None else (lower, upper)
        self._all = [Problem(row, cost, bounds, d, tolerances) for row, cost in zip(x, costs, strict=True)]

    def differentiate(self, rows: Array, f: Array, jacobians: Array) -> Array:
        given = zip(rows, f, jacobians, strict=True)
        return np.array([self._all[row].differentiate(*values) for row, *values in given], np.int8)

    def propose(self, rows: Array) -> Array:
        return np.array([self._all[row].propose() for row in rows])

    def accelerate(self, rows: Array, bends: Array) -> Array:
        return np.array([self._all[row].accelerate(bend) for row, bend in zip(rows, bends, strict=True)])

    def judge(self, rows: Array, costs: Array) -> tuple[Array, Array]:
        verdicts = [self._all[row].judge(cost) for row, cost in zip(rows, costs, strict=True)]
        taken, stops = zip(*verdicts, strict=True)
        return np.array(taken), np.array(stops, np.int8)

    def trust(self, rows: Array) -> None:
        for row in rows:
            self._all[row].trust()

    def steps(self, rows: Array) -> Array:
        return np.array([self._all[row].step() for row in rows])


def _half_squares(f: Array) -> Array:
    return np.array([0.5 * vectors.dots((row,), row)[0] for row in f])


KERNELS = Side(
    lambda optimizer: optimizer,
    _core.dots,
    _core.combine,
    _core.blend,
    _core.rank_two,
    _core.lbfgs_direction,
    _core.lbfgs_bounded_step,
    _core.half_squares,
    _core.LevenbergMarquardt,
)
FORMULAS = Side(
    Twin,
    vectors.dots,
    vectors.combine,
    vectors.blend,
    vectors.rank_two,
    lbfgs.direction,
    lbfgs_bounds.bounded_step,
    _half_squares,
    Problems,
)
