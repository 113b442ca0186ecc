"""Which problems with simple bounds alone have Hock and Schittkowski, and where are the minima? By their numbers.

Reference:
    Hock and Schittkowski, Test Examples for Nonlinear Programming Codes, Lecture Notes in Economics and Mathematical
    Systems 187 (1981). The second derivatives are worked out from the formulas.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = Any


@dataclass(frozen=True)
class Problem:
    """A value with its gradient and Hessian, bounds, the usual start, and the least value."""

    fun: Callable[[Array], tuple[float, Array]]
    hess: Callable[[Array], Array]
    bounds: list[tuple[float | None, float | None]]
    start: list[float]
    least: float
    #: The value at the other minimum, to which the usual start leads, if there is one.
    other: float | None = None


def rosenbrock(x: Array) -> tuple[float, Array]:
    a, b = x
    c = b - a * a
    return 100 * c * c + (1 - a) ** 2, np.array([-400 * a * c - 2 * (1 - a), 200 * c])


def rosenbrock_hessian(x: Array) -> Array:
    a, b = x
    return np.array([[1200 * a * a - 400 * b + 2, -400 * a], [-400 * a, 200]])


def third(x: Array) -> tuple[float, Array]:
    c = x[1] - x[0]
    return x[1] + 1e-5 * c * c, np.array([-2e-5 * c, 1 + 2e-5 * c])


def third_hessian(x: Array) -> Array:
    return 2e-5 * np.array([[1.0, -1.0], [-1.0, 1.0]])


def fourth(x: Array) -> tuple[float, Array]:
    return (x[0] + 1) ** 3 / 3 + x[1], np.array([(x[0] + 1) ** 2, 1.0])


def fourth_hessian(x: Array) -> Array:
    return np.array([[2 * (x[0] + 1), 0.0], [0.0, 0.0]])


def fifth(x: Array) -> tuple[float, Array]:
    c, slope = x[0] - x[1], math.cos(x.sum())
    value = math.sin(x.sum()) + c * c - 1.5 * x[0] + 2.5 * x[1] + 1
    return value, np.array([slope + 2 * c - 1.5, slope - 2 * c + 2.5])


def fifth_hessian(x: Array) -> Array:
    return np.array([[2.0, -2.0], [-2.0, 2.0]]) - math.sin(x.sum())


def colville(x: Array) -> tuple[float, Array]:
    a, b, c, d = x
    first, second = b - a * a, d - c * c
    value = 100 * first**2 + (1 - a) ** 2 + 90 * second**2 + (1 - c) ** 2
    value += 10.1 * ((b - 1) ** 2 + (d - 1) ** 2) + 19.8 * (b - 1) * (d - 1)
    return value, np.array(
        [
            -400 * a * first - 2 * (1 - a),
            200 * first + 20.2 * (b - 1) + 19.8 * (d - 1),
            -360 * c * second - 2 * (1 - c),
            180 * second + 20.2 * (d - 1) + 19.8 * (b - 1),
        ]
    )


def colville_hessian(x: Array) -> Array:
    a, b, c, d = x
    h = np.diag([1200 * a * a - 400 * b + 2, 220.2, 1080 * c * c - 360 * d + 2, 200.2])
    h[0, 1] = h[1, 0] = -400 * a
    h[2, 3] = h[3, 2] = -360 * c
    h[1, 3] = h[3, 1] = 19.8
    return h


def product(x: Array) -> tuple[float, Array]:
    return 2 - x.prod() / 120, -np.array([np.delete(x, i).prod() for i in range(x.size)]) / 120


def product_hessian(x: Array) -> Array:
    h = np.zeros((x.size, x.size))
    for i in range(x.size):
        for j in range(i):
            h[i, j] = h[j, i] = -np.delete(x, [i, j]).prod() / 120
    return h


def logarithms(x: Array) -> tuple[float, Array]:
    low, high, root = np.log(x - 2), np.log(10 - x), x.prod() ** 0.2
    return float((low**2 + high**2).sum() - root), 2 * low / (x - 2) - 2 * high / (10 - x) - 0.2 * root / x


def logarithms_hessian(x: Array) -> Array:
    low, high, root = np.log(x - 2), np.log(10 - x), x.prod() ** 0.2
    own = 2 * (1 - low) / (x - 2) ** 2 + 2 * (1 - high) / (10 - x) ** 2 + 0.2 * root / x**2
    return np.diag(own) - 0.04 * root / np.multiply.outer(x, x)


PROBLEMS = {
    1: Problem(rosenbrock, rosenbrock_hessian, [(None, None), (-1.5, None)], [-2.0, 1.0], 0.0),
    2: Problem(rosenbrock, rosenbrock_hessian, [(None, None), (1.5, None)], [-2.0, 1.0], 0.0504261879, 4.9412293180),
    3: Problem(third, third_hessian, [(None, None), (0.0, None)], [10.0, 1.0], 0.0),
    4: Problem(fourth, fourth_hessian, [(1.0, None), (0.0, None)], [1.125, 0.125], 8 / 3),
    5: Problem(fifth, fifth_hessian, [(-1.5, 4.0), (-3.0, 3.0)], [0.0, 0.0], -math.sqrt(3) / 2 - math.pi / 3),
    38: Problem(colville, colville_hessian, [(-10.0, 10.0)] * 4, [-3.0, -1.0, -3.0, -1.0], 0.0),
    45: Problem(product, product_hessian, [(0.0, float(i)) for i in range(1, 6)], [2.0] * 5, 1.0),
    110: Problem(logarithms, logarithms_hessian, [(2.001, 9.999)] * 10, [9.0] * 10, -45.77846971),
}
