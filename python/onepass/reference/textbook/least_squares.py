"""Through which points do the methods of least squares come? Linear models, one after the other."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Protocol

import numpy as np
from numpy.linalg import norm

from onepass.arrays import Array
from onepass.reference.textbook.dogleg import Dogleg
from onepass.reference.textbook.gauss_newton import GaussNewton
from onepass.reference.textbook.levenberg_marquardt import LevenbergMarquardt

Function = Callable[[Array], Array]


class Steps(Protocol):
    """A method: the step p for the model |A p + f| of scaled parameters, and what it learns from the gain of a step."""

    def step(self, a: Array, f: Array, scale: Array | float) -> Array: ...

    def accepted(self, gain: float, length: float) -> None: ...

    def rejected(self, gain: float, length: float) -> None: ...


METHODS: dict[str, Callable[[Array], Steps]] = {
    "lm": LevenbergMarquardt,
    "gauss-newton": lambda start: GaussNewton(),
    "dogleg": Dogleg,
}


def least_squares(residual: Function, jacobian: Function, x0: Array, method: str, *, iterations: int) -> list[Array]:
    """The start and at most so many points after it; fewer where no step above rounding decreases the sum."""
    return list(islice(path(residual, jacobian, x0, method), iterations + 1))


def path(residual: Function, jacobian: Function, x: Array, method: str) -> Iterator[Array]:
    """Parameters are scaled by the largest norms so far of the Jacobian's columns (Moré 1978, eq. 6.3).

    A step is taken if it gains a share of 1e-4 at least of what the model promises (Moré 1978, algorithm 7.1).
    """
    largest = np.zeros(x.size)
    steps: Steps | None = None
    while True:
        f, jac = residual(x), jacobian(x)
        largest = np.maximum(largest, norm(jac, axis=0))
        scale = np.where(largest > 0, largest, 1.0)
        a = jac / scale
        steps = steps or METHODS[method](scale * x)
        yield x
        gain = -math.inf
        while not gain >= 1e-4:
            p = steps.step(a, f, scale) if (f @ a).any() else np.zeros(x.size)
            length = float(norm(p))
            if length <= np.finfo(float).eps * norm(scale * x):
                return
            new_f = residual(x + p / scale)
            gain = (f @ f - new_f @ new_f) / -(2 * f @ a @ p + norm(a @ p) ** 2)
            (steps.accepted if gain >= 1e-4 else steps.rejected)(gain, length)
        x = x + p / scale
