"""Do intervals by the profile end where linear theory, or the cost itself, says?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from cases import shown

from onepass.arrays import Array
from onepass.solve import confidence_interval, covariance, least_squares
from onepass.solve.squares.confidence_interval import student

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
    stats = pytest.importorskip("scipy.stats")
    expected = stats.norm.ppf((1 + level) / 2) if degrees == np.inf else stats.t.ppf((1 + level) / 2, degrees)
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
