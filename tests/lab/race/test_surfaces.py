"""Are the surfaces what they say? Derivatives against differences, minima against curvature."""

from __future__ import annotations

import numpy as np
import pytest

from onepass.arrays import Array
from onepass.lab.race.surfaces import SURFACES, Surface

EVERY = pytest.mark.parametrize("surface", SURFACES.values(), ids=SURFACES.keys())


def differences(function: object, points: Array, step: float) -> Array:
    """Central differences of values (n, ...) along each coordinate: (n, ..., size)."""
    assert callable(function)
    shifts = step * np.eye(points.shape[-1])
    return np.stack([(function(points + shift) - function(points - shift)) / (2 * step) for shift in shifts], axis=-1)


def somewhere(surface: Surface, rng: np.random.Generator) -> Array:
    low, high = np.array(surface.region).T
    return rng.uniform(low, high, (200, surface.size))


@EVERY
def test_gradients(surface: Surface, rng: np.random.Generator) -> None:
    points = somewhere(surface, rng)
    gradients = surface.gradient(points)
    assert gradients.shape == points.shape
    assert gradients.dtype == np.float64
    np.testing.assert_allclose(gradients, differences(surface.value, points, 1e-5), rtol=1e-6, atol=1e-6)
    np.testing.assert_array_equal(gradients[7], surface.gradient(points[7]))


@EVERY
def test_hessians(surface: Surface, rng: np.random.Generator) -> None:
    points = somewhere(surface, rng)[:50]
    hessians = np.stack([surface.hessian(point) for point in points])
    assert hessians.shape == (50, surface.size, surface.size)
    np.testing.assert_allclose(hessians, differences(surface.gradient, points, 1e-5), rtol=1e-6, atol=1e-5)


@EVERY
def test_minima(surface: Surface, rng: np.random.Generator) -> None:
    minima = np.array(surface.minima).reshape(-1, surface.size)
    assert surface.is_inside(minima).all()
    np.testing.assert_allclose(surface.gradient(minima), 0, atol=1e-12)
    assert (np.linalg.eigvalsh(differences(surface.gradient, minima, 1e-5)) > 0).all()
    if surface.minima:  # no point of the region is lower
        assert surface.value(somewhere(surface, rng)).min() >= surface.value(np.array(surface.lowest)).min()


@EVERY
def test_the_start_is_inside_and_no_minimum(surface: Surface) -> None:
    start = np.array(surface.start)
    assert surface.is_inside(start)
    assert surface.distance(start, surface.minima) > surface.tolerance
    assert np.abs(surface.gradient(start)).min() > 0  # no coordinate stands still


@pytest.mark.parametrize(
    ("name", "lowest"),
    [("himmelblau", 4), ("x-cos", 1), ("beale", 1), ("rosenbrock", 1), ("saddle", 0), ("cubic", 0)],
)
def test_the_lowest_minima(name: str, lowest: int) -> None:
    surface = SURFACES[name]
    assert len(surface.lowest) == lowest
    assert set(surface.lowest) <= set(surface.minima)


def test_known_values() -> None:
    at = {"beale": 41.25, "rosenbrock": 24.2, "himmelblau": 200.0, "saddle": 2.2499, "ill-conditioned": 10.5}
    for name, value in at.items():
        surface = SURFACES[name]
        assert surface.value(np.array(surface.start)) == pytest.approx(value, abs=1e-12)
    assert SURFACES["x-cos"].value(np.array([1.0])) == -1


def test_the_distance_is_to_the_nearest() -> None:
    points = np.array([[3.0, 2.5], [-3.0, 3.131312518250573]])
    surface = SURFACES["himmelblau"]
    np.testing.assert_allclose(surface.distance(points, surface.minima), [0.5, 3 - 2.805118086952745])
    assert np.isinf(surface.distance(points, ())).all()


def test_nothing_that_is_nan_is_inside() -> None:
    inside = SURFACES["saddle"].is_inside(np.array([[0, 0], [2, -2], [2.01, 0], [0, np.nan], [-np.inf, 0]]))
    assert inside.tolist() == [True, True, False, False, False]


def test_the_seed_decides_the_noise() -> None:
    surface, point = SURFACES["noisy"], np.array([-1.0, 0.5])

    def observed(seed: int) -> Array:
        gradient = surface.observed_gradient(seed)
        return np.array([gradient(point) for _ in range(20_000)])

    noisy = observed(3)
    np.testing.assert_array_equal(noisy, observed(3))
    assert (noisy != observed(4)).all()
    np.testing.assert_allclose(noisy.mean(axis=0), surface.gradient(point), atol=5 * surface.noise / np.sqrt(20_000))
    np.testing.assert_allclose(noisy.std(axis=0), surface.noise, rtol=0.05)
    exact = SURFACES["beale"]
    np.testing.assert_array_equal(exact.observed_gradient(3)(point), exact.gradient(point))
