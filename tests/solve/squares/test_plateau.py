"""Is a point of lower cost found beside one whose derivatives have vanished?"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from onepass.arrays import Array
from onepass.solve.squares.losses import Loss
from onepass.solve.squares.plateau import looked_along
from onepass.solve.squares.point import Point


def looked(residual: Callable[[float], list[float]], x: float, step: float, bounds: Any = None) -> Any:
    """From x: whether the cost is flat, where it is lower, and at how many points that took."""
    places: list[float] = []

    def residuals(x: Array) -> Array:
        places.append(float(x[0]))
        return np.array(residual(x[0]))

    loss = Loss("linear", 1.0)
    fit: Any = SimpleNamespace(residuals=residuals, loss=loss, bounds=bounds, leaves=lambda calls: True)
    is_flat, better = looked_along(fit, Point(np.array([x]), np.array(residual(x)), loss), 0, step)
    return is_flat, better and float(better.x[0]), len(places)


def test_a_parameter_that_changes_nothing_is_flat() -> None:
    assert looked(lambda x: [2.0], 1.0, 0.1) == (True, None, 2)


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_a_point_beside_is_enough(side: float) -> None:
    is_flat, better, _ = looked(lambda x: [x], side, 0.1)
    assert not is_flat
    assert better == pytest.approx(0.9 * side)


def test_a_linear_parameter_is_found_between_points_that_are_higher() -> None:
    is_flat, better, calls = looked(lambda x: [x - 3, 5.0], 1e-45, 100.0)
    assert (is_flat, calls) == (False, 3)
    assert better == pytest.approx(3.0)


def test_where_the_cost_is_steep_the_change_is_shortened() -> None:
    """exp(9 x) - 9.1 x is lowest at 0.0012; a tenth of 8 to either side is leagues away from a parabola."""
    is_flat, better, _ = looked(lambda x: [np.sqrt(np.exp(9 * x) - 9.1 * x)], 0.0, 0.8)
    assert not is_flat
    assert 0 < better < 0.0025


def test_a_minimum_is_not_left() -> None:
    is_flat, better, calls = looked(lambda x: [x**2 + 5], 0.0, 0.2)
    assert (is_flat, better) == (False, None)
    assert calls <= 9


def test_a_cost_that_is_infinite_beside_is_looked_at_nearer() -> None:
    is_flat, better, _ = looked(lambda x: [x - 1e-3 if abs(x) < 0.05 else np.inf, 1.0], 0.0, 1.0)
    assert not is_flat
    assert better == pytest.approx(1e-3)


def test_a_bound_leaves_one_side() -> None:
    bounds = np.array([0.0]), np.array([9.0])
    assert looked(lambda x: [x + 1], 0.0, 0.1, bounds) == (False, None, 1)
    assert looked(lambda x: [1 - x], 0.0, 0.1, bounds) == (False, pytest.approx(0.1), 1)
