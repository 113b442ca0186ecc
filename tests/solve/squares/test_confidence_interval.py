"""Do intervals by the profile end where linear theory, or the cost itself, says?"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from cases import shown

from onepass.arrays import Array
from onepass.solve import OptimizeResult, confidence_interval, covariance, least_squares
from onepass.solve.squares.confidence_interval import student

scipy_stats = pytest.importorskip("scipy.stats")

T = np.linspace(0.2, 4, 15)
RANDOM = np.random.default_rng(4)
A = RANDOM.standard_normal((15, 3)) * [1.0, 1e-3, 1e4]
B = A @ [1.0, 2e3, 3e-4] + 0.2 * RANDOM.standard_normal(15)
Y = 2.5 * np.exp(-1.3 * T) + 0.05 * RANDOM.standard_normal(15)


def decay(x: Array) -> Array:
    return np.asarray(x[0] * np.exp(-x[1] * T) - Y)


@pytest.mark.parametrize("level", [0.5, 0.95, 0.999])
@pytest.mark.parametrize("degrees", [1, 2, 3, 12, 200, np.inf])
def test_quantiles_are_students(level: float, degrees: float) -> None:
    half = (1 + level) / 2
    expected = scipy_stats.norm.ppf(half) if degrees == np.inf else scipy_stats.t.ppf(half, degrees)
    assert student(level, degrees) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("known_noise", [False, True])
def test_of_a_linear_model_they_are_multiples_of_the_deviations(known_noise: bool) -> None:
    fit = least_squares(lambda x: A @ x - B, np.zeros(3), lambda x: A)
    found = confidence_interval(lambda x: A @ x - B, fit, lambda x: A, known_noise=known_noise)
    reach = student(0.95, np.inf if known_noise else 12) * np.sqrt(np.diag(covariance(fit, known_noise=known_noise)))
    np.testing.assert_allclose(found, np.column_stack((fit.x - reach, fit.x + reach)), rtol=1e-5)


@pytest.mark.parametrize("level", [0.68, 0.95])
def test_the_cost_at_the_ends(level: float) -> None:
    fit = least_squares(decay, [1.0, 1.0])
    found = confidence_interval(decay, fit, level=level)
    wanted = fit.cost * (1 + student(level, 13) ** 2 / 13)
    for value in found[1]:  # the other parameter enters linearly
        fall = np.exp(-value * T)
        rest = Y - fall * (fall @ Y) / (fall @ fall)
        assert 0.5 * rest @ rest == pytest.approx(wanted, rel=1e-5)
    assert found[1, 1] - fit.x[1] > fit.x[1] - found[1, 0]


#: Rates at concentrations far from saturation, which nearly do not bound the largest rate from above.
S, RATES = np.array([0.5, 1, 2, 3, 4.0]), np.array([0.6202, 1.0713, 2.0141, 2.5925, 3.4005])


def michaelis(x: Array) -> Array:
    return np.asarray(x[0] * S / (x[1] + S) - RATES)


def lowest(cost: Callable[[Array], Array], low: float, high: float) -> float:
    """By finer and finer grids."""
    for _ in range(12):
        grid = np.linspace(low, high, 101)
        best = int(np.argmin(cost(grid)))
        low, high = grid[max(best - 1, 0)], grid[min(best + 1, 100)]
    return float(cost(grid).min())


def profile_of_largest(a: float) -> float:
    return lowest(lambda b: 0.5 * ((a * S / (b[:, None] + S) - RATES) ** 2).sum(axis=1), 1e-9, 100 * a)


def profile_of_half(b: float) -> float:
    share = S / (b + S)  # the other parameter enters linearly
    rest = RATES - share * (share @ RATES) / (share @ share)
    return float(0.5 * rest @ rest)


def level_at(reach: float, fit: OptimizeResult) -> float:
    """The level at whose quantile the profile ends that share of the way to what the line, b -> inf, costs."""
    line = RATES - S * (S @ RATES) / (S @ S)
    limit = math.sqrt((line @ line - 2 * fit.cost) / (2 * fit.cost / 3))
    return float(2 * scipy_stats.t.cdf(reach * limit, 3) - 1)


@pytest.mark.parametrize("reach", [0.5, 0.9, 0.99, 0.999])
def test_ends_that_are_far_away(reach: float) -> None:
    fit = least_squares(michaelis, [5.0, 2.0])
    level = level_at(reach, fit)
    found = confidence_interval(michaelis, fit, level=level)
    wanted = fit.cost * (1 + student(level, 3) ** 2 / 3)
    for ends, profile in zip(found, (profile_of_largest, profile_of_half), strict=True):
        assert [profile(end) for end in ends] == pytest.approx([wanted, wanted], rel=1e-5)
    assert found[0, 1] - fit.x[0] > fit.x[0] - found[0, 0]


def test_a_line_that_cannot_be_excluded_leaves_the_upper_ends_open() -> None:
    fit = least_squares(michaelis, [5.0, 2.0])
    level, bounds = level_at(1.01, fit), ([0.0, 0.0], [25.0, 30.0])
    found = confidence_interval(michaelis, fit, level=level)
    assert found[:, 1].tolist() == [np.inf, np.inf]
    assert np.isfinite(found[:, 0]).all()
    assert confidence_interval(michaelis, fit, level=level, bounds=bounds)[0, 1] == 25.0


SHORT = np.linspace(0.1, 2, 10)
NOISE = 0.12 * np.random.default_rng(1).standard_normal(10)
KELVIN = np.linspace(280, 360, 12)
SPEEDS = 5e6 * np.exp(-4000 / KELVIN) * (1 + 0.03 * np.cos(5 * np.arange(12)))


@pytest.mark.parametrize(
    ("residual", "start"),
    [
        (lambda x: x[0] * (1 - np.exp(-x[1] * SHORT)) - 3 * (1 - np.exp(-0.5 * SHORT)) - NOISE, [2.0, 1.0]),
        (lambda x: np.exp(x[0] - x[1] / KELVIN) - SPEEDS, [15.0, 3900.0]),
        (decay, [1.0, 1.0]),
    ],
    ids=["asymmetric", "correlation near 1", "decay"],
)
@pytest.mark.filterwarnings("ignore:Using UFloat objects")
def test_lmfits_intervals(residual: Callable[[Array], Array], start: list[float]) -> None:
    lmfit = pytest.importorskip("lmfit")
    fit = least_squares(residual, start)
    found = confidence_interval(residual, fit)
    minimizer = lmfit.Minimizer(
        lambda p: residual(np.array([p["a"], p["b"]])), lmfit.create_params(a=start[0], b=start[1])
    )
    ends = lmfit.conf_interval(minimizer, minimizer.minimize(), sigmas=[0.95])
    expected = [[ends[name][0][1], ends[name][2][1]] for name in "ab"]
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_bounds_end_them_and_fixed_parameters_have_none() -> None:
    bounds = ([0, 1.29], [9, 9])
    fit = least_squares(decay, [1.0, 2.0], bounds=bounds)
    found = confidence_interval(decay, fit, bounds=bounds)
    assert found[1, 0] == 1.29
    fit = least_squares(decay, [2.5, 2.0], bounds=([2.5, 0], [2.5, 9]))
    found = confidence_interval(decay, fit, bounds=([2.5, 0], [2.5, 9]))
    assert found[0].tolist() == [2.5, 2.5]
    assert found[1, 0] < fit.x[1] < found[1, 1]


def test_an_end_that_is_not_there() -> None:
    def residual(x: Array) -> Array:
        return np.array([x[0] - 1, x[0] - 1.1, x[0] - 0.9, 0 * x[1]])

    fit = least_squares(residual, [0.0, 3.0])
    assert fit.success
    found = confidence_interval(residual, fit)
    assert found[1].tolist() == [-np.inf, np.inf]
    assert np.isfinite(found[0]).all()


@pytest.mark.parametrize(
    ("make", "options", "said"),
    [
        (lambda: least_squares(decay, [1.0, 1.0], max_nfev=4), {}, "needs a fit that has converged"),
        (lambda: least_squares(decay, [1.0, 1.0]), {"level": 1.5}, "level must be in"),
    ],
    ids=shown,
)
def test_bad_arguments(make: Any, options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        confidence_interval(decay, make(), **options)


def test_no_residuals_left_over_and_no_minimum() -> None:
    fit = least_squares(lambda x: x - 1, [0.0])
    with pytest.raises(ValueError, match="more residuals than parameters"):
        confidence_interval(lambda x: x - 1, fit)
    fit = least_squares(decay, [1.0, 1.0])
    fit.cost, fit.x = 10 * fit.cost, fit.x * 1.3
    with pytest.raises(ValueError, match="not the minimum"):
        confidence_interval(decay, fit)
