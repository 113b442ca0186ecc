"""What are the functions that the race is run on? Values, gradients and Hessians, derived by hand.

Values and gradients are of points (..., size), Hessians of one point (size,).
"""

from __future__ import annotations

import numpy as np

from onepass.arrays import Array


def beale(points: Array) -> Array:
    x, y = points[..., 0], points[..., 1]
    value: Array = _square(1.5 - x + x * y) + _square(2.25 - x + x * y * y) + _square(2.625 - x + x * y * y * y)
    return value


def beale_gradient(points: Array) -> Array:
    x, y = points[..., 0], points[..., 1]
    first, second, third = 1.5 - x + x * y, 2.25 - x + x * y * y, 2.625 - x + x * y * y * y
    return np.stack(
        [
            2 * (first * (y - 1) + second * (y * y - 1) + third * (y * y * y - 1)),
            2 * x * (first + 2 * y * second + 3 * y * y * third),
        ],
        axis=-1,
    )


def beale_hessian(point: Array) -> Array:
    x, y = point
    first, second, third = 1.5 - x + x * y, 2.25 - x + x * y * y, 2.625 - x + x * y * y * y
    slopes = np.array([[y - 1, x], [y * y - 1, 2 * x * y], [y * y * y - 1, 3 * x * y * y]])
    mixed = first + 2 * y * second + 3 * y * y * third
    hessian: Array = 2 * (slopes.T @ slopes + [[0, mixed], [mixed, 2 * x * second + 6 * x * y * third]])
    return hessian


def rosenbrock(points: Array) -> Array:
    x, y = points[..., 0], points[..., 1]
    value: Array = _square(1 - x) + 100 * _square(y - x * x)
    return value


def rosenbrock_gradient(points: Array) -> Array:
    x, y = points[..., 0], points[..., 1]
    above = y - x * x
    return np.stack([-2 * (1 - x) - 400 * x * above, 200 * above], axis=-1)


def rosenbrock_hessian(point: Array) -> Array:
    x, y = point
    return np.array([[2 - 400 * (y - x * x) + 800 * x * x, -400 * x], [-400 * x, 200]])


def himmelblau(points: Array) -> Array:
    x, y = points[..., 0], points[..., 1]
    value: Array = _square(x * x + y - 11) + _square(x + y * y - 7)
    return value


def himmelblau_gradient(points: Array) -> Array:
    x, y = points[..., 0], points[..., 1]
    first, second = x * x + y - 11, x + y * y - 7
    return np.stack([4 * x * first + 2 * second, 2 * first + 4 * y * second], axis=-1)


def himmelblau_hessian(point: Array) -> Array:
    x, y = point
    first, second, mixed = x * x + y - 11, x + y * y - 7, 4 * (x + y)
    return np.array([[4 * first + 8 * x * x + 2, mixed], [mixed, 4 * second + 8 * y * y + 2]])


def x_cos(points: Array) -> Array:
    x = points[..., 0]
    value: Array = x * np.cos(np.pi * x)
    return value


def x_cos_gradient(points: Array) -> Array:
    gradient: Array = np.cos(np.pi * points) - np.pi * points * np.sin(np.pi * points)
    return gradient


def x_cos_hessian(point: Array) -> Array:
    hessian: Array = -2 * np.pi * np.sin(np.pi * point) - np.pi**2 * point * np.cos(np.pi * point)
    return hessian[np.newaxis]


def cubic(points: Array) -> Array:
    x = points[..., 0]
    value: Array = x * x * x
    return value


def cubic_gradient(points: Array) -> Array:
    return 3 * points * points


def cubic_hessian(point: Array) -> Array:
    return 6 * point[np.newaxis]


class Quadratic:
    """The sum of c * x^2 over the coordinates, each with a curvature c of its own."""

    def __init__(self, *curvatures: float) -> None:
        self._curvatures = np.array(curvatures)

    def value(self, points: Array) -> Array:
        value: Array = (self._curvatures * points * points).sum(axis=-1)
        return value

    def gradient(self, points: Array) -> Array:
        gradient: Array = 2 * self._curvatures * points
        return gradient

    def hessian(self, point: Array) -> Array:
        return np.diag(2 * self._curvatures)


def _square(values: Array) -> Array:
    square: Array = values * values
    return square
