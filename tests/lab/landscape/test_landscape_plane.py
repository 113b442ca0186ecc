"""Does a plane keep what lies on it, and say how much of the rest it explains?"""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sklearn")

from onepass.lab.landscape.plane import Plane, principal_plane


def test_points_on_the_plane_are_projected_to_their_coordinates(rng: np.random.Generator) -> None:
    plane = Plane(rng.standard_normal(9), rng.standard_normal((2, 9)))  # its axes are not at right angles
    coordinates = rng.standard_normal((5, 2))
    points = np.array([plane.point(x, y) for x, y in coordinates])
    np.testing.assert_allclose(plane.project(points), coordinates, atol=1e-12)
    np.testing.assert_allclose(plane.distances(points), 0, atol=1e-12)


def test_other_points_are_projected_at_right_angles() -> None:
    plane = Plane(np.zeros(3), np.array([[1.0, 0.0, 0.0], [1.0, 1.0, 0.0]]))
    assert plane.project(np.array([[3.0, 2.0, 5.0]])) == pytest.approx(np.array([[1.0, 2.0]]))
    assert plane.distances(np.array([[3.0, 2.0, -5.0]])) == pytest.approx([5])


def test_a_principal_plane_reproduces_points_that_lie_on_one(rng: np.random.Generator) -> None:
    points = 4 + rng.standard_normal((12, 2)) @ rng.standard_normal((2, 30))
    for through in (None, points[-1]):
        plane = principal_plane(points, through)
        back = np.array([plane.point(x, y) for x, y in plane.project(points)])
        np.testing.assert_allclose(back, points, atol=1e-10)
        assert sum(plane.shares) == pytest.approx(1)
        np.testing.assert_allclose(plane.axes @ plane.axes.T, np.eye(2), atol=1e-12)


def test_the_end_of_a_path_is_the_origin(rng: np.random.Generator) -> None:
    path = rng.standard_normal((6, 20)).cumsum(axis=0)
    plane = principal_plane(path, through=path[-1])
    np.testing.assert_allclose(plane.project(path)[-1], 0, atol=1e-12)


def test_shares_are_those_of_the_variance() -> None:
    # Along the three axes the sums of squares are 32, 8 and 2 of 42.
    points = np.array([[4, 0, 0], [-4, 0, 0], [0, 2, 0], [0, -2, 0], [0, 0, 1], [0, 0, -1]]) + 10.0
    plane = principal_plane(points)
    assert plane.shares == pytest.approx((32 / 42, 8 / 42))
    assert np.abs(plane.axes) == pytest.approx(np.eye(2, 3))
    assert plane.origin == pytest.approx([10, 10, 10])


def test_of_a_random_path_the_shares_are_the_eigenvalues(rng: np.random.Generator) -> None:
    path = rng.standard_normal((15, 6)).cumsum(axis=0)
    eigenvalues = np.linalg.eigvalsh(np.cov(path.T))[::-1]
    assert principal_plane(path).shares == pytest.approx(tuple(eigenvalues[:2] / eigenvalues.sum()))
