"""Which smooth functions do the tests of `minimize` use? With gradient and Hessian, from their definitions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

Array = Any


def rosenbrock_start(size: int, dtype: Any = np.float64) -> Array:
    return np.resize([-1.2, 1.0], size).astype(dtype)


def rosenbrock(x: Array) -> tuple[float, Array]:
    """Extended Rosenbrock (More, Garbow and Hillstrom 1981, problem 21): the minimum is 0, at ones."""
    a, b = x[0::2], x[1::2]
    c, e = b - a * a, 1 - a
    g = np.empty_like(x)
    g[0::2] = -400 * a * c - 2 * e
    g[1::2] = 200 * c
    return float(100 * np.vdot(c, c) + np.vdot(e, e)), g


def rosenbrock_hessian(x: Array) -> Array:
    a, b = x[0::2], x[1::2]
    h = np.zeros((x.size, x.size), x.dtype)
    even = np.arange(0, x.size, 2)
    h[even, even] = 1200 * a * a - 400 * b + 2
    h[even, even + 1] = h[even + 1, even] = -400 * a
    h[even + 1, even + 1] = 200
    return h


@dataclass
class Quadratic:
    """x.A x / 2 - b.x with a symmetric A of the given eigenvalues."""

    eigenvalues: Any
    seed: int = 0

    def __post_init__(self) -> None:
        rng = np.random.default_rng(self.seed)
        size = len(self.eigenvalues)
        q, _ = np.linalg.qr(rng.standard_normal((size, size)))
        self.a = q @ np.diag(self.eigenvalues) @ q.T
        self.b = rng.standard_normal(size)
        self.solution = np.linalg.solve(self.a, self.b)

    def __call__(self, x: Array) -> tuple[float, Array]:
        product = self.a @ x
        return float(0.5 * (x @ product) - self.b @ x), product - self.b

    def hessian(self, x: Array) -> Array:
        return self.a
