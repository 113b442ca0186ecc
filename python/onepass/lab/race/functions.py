"""What are the functions that the race is run on? Values and gradients, derived by hand, of points (..., size)."""

from __future__ import annotations

import numpy as np

from onepass.groups import Array


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


def rosenbrock(points: Array) -> Array:
    x, y = points[..., 0], points[..., 1]
    value: Array = _square(1 - x) + 100 * _square(y - x * x)
    return value


def rosenbrock_gradient(points: Array) -> Array:
    x, y = points[..., 0], points[..., 1]
    above = y - x * x
    return np.stack([-2 * (1 - x) - 400 * x * above, 200 * above], axis=-1)


def himmelblau(points: Array) -> Array:
    x, y = points[..., 0], points[..., 1]
    value: Array = _square(x * x + y - 11) + _square(x + y * y - 7)
    return value


def himmelblau_gradient(points: Array) -> Array:
    x, y = points[..., 0], points[..., 1]
    first, second = x * x + y - 11, x + y * y - 7
    return np.stack([4 * x * first + 2 * second, 2 * first + 4 * y * second], axis=-1)


def x_cos(points: Array) -> Array:
    x = points[..., 0]
    value: Array = x * np.cos(np.pi * x)
    return value


def x_cos_gradient(points: Array) -> Array:
    gradient: Array = np.cos(np.pi * points) - np.pi * points * np.sin(np.pi * points)
    return gradient


def cubic(points: Array) -> Array:
    x = points[..., 0]
    value: Array = x * x * x
    return value


def cubic_gradient(points: Array) -> Array:
    return 3 * points * points


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


def _square(values: Array) -> Array:
    square: Array = values * values
    return square
