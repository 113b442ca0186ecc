"""Is the surface that of the loss? For a quadratic, whose heights are known."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sklearn")

from onepass.arrays import Array
from onepass.lab.landscape.levels import FLOOR, contour_levels, drawable, powers_of_ten
from onepass.lab.landscape.plane import Plane
from onepass.lab.landscape.results import Square
from onepass.lab.landscape.surface import Surface, around, measure


def quadratic(point: Array) -> float:
    """x^2 + 10 y^2 + 100 z^2."""
    return float(point @ (np.array([1.0, 10.0, 100.0]) * point))


def test_a_quadratic() -> None:
    plane = Plane(np.zeros(3), np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]))
    x, y = np.linspace(-2, 2, 5), np.array([-1.0, 0.0, 3.0])
    rows: list[None] = []
    surface = measure(quadratic, plane, x, y, lambda: rows.append(None))
    assert np.array_equal(surface.losses, x**2 + 100 * y[:, np.newaxis] ** 2)
    assert len(rows) == 3
    described = surface.described()
    assert described["train_losses"][2] == [904.0, 901.0, 900.0, 901.0, 904.0]
    assert (described["x"], described["y"]) == ([-2, -1, 0, 1, 2], [-1, 0, 3])


def test_a_quadratic_off_its_minimum_along_slanting_axes() -> None:
    plane = Plane(np.array([1.0, 0.0, 0.0]), np.array([[1.0, 1.0, 0.0], [0.0, 1.0, 0.0]]))
    surface = measure(quadratic, plane, np.array([0.0, 1.0]), np.array([0.0, 2.0]))
    # The points are (1, 0), (2, 1), (1, 2) and (2, 3).
    assert surface.losses.tolist() == [[1, 14], [41, 94]]


def test_the_mean_loss_at_a_distance() -> None:
    side = np.linspace(-1, 1, 5)
    square = Square("a bowl", Surface(side, side, side**2 + side[:, np.newaxis] ** 2))
    # Of the points with coordinates of -1, -0.5, 0, 0.5 or 1, four are 0.5 away, and four 0.71, within 0.25.
    assert square.mean_loss_at(0.5) == pytest.approx((0.25 + 0.5) / 2)
    assert square.described()["mean_loss_at_half"] == square.mean_loss_at(0.5)


def test_a_grid_covers_the_paths_with_a_margin() -> None:
    x, y = around(np.array([[0.0, 1.0], [10.0, 3.0]]), resolution=7, margin=0.2)
    assert (x[0], x[-1], len(x)) == (-2, 12, 7)
    assert (y[0], y[-1], len(y)) == pytest.approx((0.6, 3.4, 7))


def test_a_grid_around_a_straight_path_has_a_width() -> None:
    x, y = around(np.array([[0.0, 1.0], [10.0, 1.0]]), resolution=3)
    assert (x[0], x[-1]) == (-2, 12)
    assert y[0] == 0.9 < 1 < y[-1]


@pytest.mark.parametrize(
    ("low", "high", "levels"),
    [
        (0.03, 2.0, [0.02, 0.05, 0.1, 0.2, 0.5, 1, 2]),
        (2.1, 2.9, [2, 5]),
        (1.0, 1.0, [1, 2]),
        (7.0, 101.0, [5, 10, 20, 50, 100, 200]),
    ],
)
def test_levels_enclose_the_losses(low: float, high: float, levels: list[float]) -> None:
    assert contour_levels(np.array([[low, np.nan]]), np.array([[np.inf, high]])) == levels


def test_a_loss_of_zero_can_be_drawn() -> None:
    losses = drawable(np.array([0.0, 0.5, np.inf]))
    assert losses[:2].tolist() == [FLOOR, 0.5]
    assert np.isnan(losses[2])
    assert powers_of_ten([0.5, 1, 2, 5, 10]) == [1, 10]
