"""Is the covariance that of linear regression, and honest where parameters are not determined?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from onepass.solve import covariance, least_squares, least_squares_batch

RANDOM = np.random.default_rng(3)
A = RANDOM.standard_normal((20, 3)) * [1.0, 1e-6, 1e5]
B = A @ [1.0, 2e6, 3e-5] + 0.1 * RANDOM.standard_normal(20)


def test_linear_regression() -> None:
    fit = least_squares(lambda x: A @ x - B, np.zeros(3), lambda x: A)
    noise = fit.fun @ fit.fun / 17
    expected = np.linalg.inv(A.T @ A)
    np.testing.assert_allclose(covariance(fit), noise * expected, rtol=1e-6)
    np.testing.assert_allclose(covariance(fit, known_noise=True), expected, rtol=1e-6)


def test_a_parameter_at_a_bound_is_a_constant() -> None:
    fit = least_squares(lambda x: A @ x - B, np.zeros(3), lambda x: A, bounds=([-1, -np.inf, -1], [0.5, np.inf, 1]))
    found = covariance(fit)
    assert fit.active_mask.tolist() == [1, 0, 0]
    assert (found[0] == 0).all()
    assert (found[:, 0] == 0).all()
    rest = A[:, 1:]
    np.testing.assert_allclose(found[1:, 1:], fit.fun @ fit.fun / 18 * np.linalg.inv(rest.T @ rest), rtol=1e-6)


def test_what_the_residuals_do_not_determine_has_an_infinite_variance() -> None:
    t = np.arange(5.0)
    a = np.column_stack([t, t, np.ones(5), np.zeros(5)])
    fit = least_squares(lambda x: a @ x - t - [0, 0, 0.1, 0, 0], [0.2, 0.1, 0.3, 4.0], lambda x: a)
    found = covariance(fit)
    assert np.diag(found)[[0, 1, 3]].tolist() == [np.inf] * 3
    assert np.isfinite(found[2, 2])
    assert np.isnan(found[0, 2])


def test_no_residuals_left_over() -> None:
    fit = least_squares(lambda x: np.array([x[0] - 1, 2 * x[1] - 3]), [0.0, 0.0])
    assert np.diag(covariance(fit)).tolist() == [np.inf, np.inf]
    np.testing.assert_allclose(covariance(fit, known_noise=True), np.diag([1, 0.25]), rtol=1e-6, atol=1e-12)


def test_all_at_bounds() -> None:
    fit = least_squares(lambda x: x - 3.0, [0.5, 0.5], bounds=(0, 1))
    assert (covariance(fit) == 0).all()


def test_a_fixed_parameter_is_a_constant() -> None:
    fit = least_squares(lambda x: A @ x - B, [2.0, 0.0, 0.0], bounds=([2, -np.inf, -np.inf], [2, np.inf, np.inf]))
    found = covariance(fit)
    assert fit.x[0] == 2
    assert (found[0] == 0).all()
    rest = A[:, 1:]
    np.testing.assert_allclose(found[1:, 1:], fit.fun @ fit.fun / 18 * np.linalg.inv(rest.T @ rest), rtol=1e-6)


def test_many_residuals_take_no_square_of_their_number() -> None:
    """A decomposition with all of U would take 80 GB."""
    a = np.column_stack((np.ones(100_000), np.linspace(-1, 1, 100_000)))
    f = np.where(np.arange(100_000) % 2, 0.5, -0.5)
    found = covariance({"jac": a, "grad": f @ a, "cost": 0.5 * f @ f, "status": 1})
    variance = f @ f / 99_998
    np.testing.assert_allclose(np.diag(found), variance / (a**2).sum(axis=0), rtol=1e-12)


@pytest.mark.parametrize(("m", "n"), [(3, 3), (4, 3), (2, 3)])
def test_hardly_any_residuals(m: int, n: int) -> None:
    a = np.random.default_rng(m).standard_normal((m, n))
    found = covariance({"jac": a, "grad": np.ones(m) @ a, "cost": 0.5 * m}, known_noise=True)
    if m >= n:
        np.testing.assert_allclose(found, np.linalg.inv(a.T @ a), rtol=1e-9)
    else:
        assert np.diag(found).tolist() == [np.inf] * n


def test_of_a_sparse_jacobian() -> None:
    sparse = pytest.importorskip("scipy.sparse")
    fit = least_squares(lambda x: A @ x - B, np.zeros(3), lambda x: sparse.csr_array(A))
    assert sparse.issparse(fit.jac)
    np.testing.assert_allclose(covariance(fit), fit.fun @ fit.fun / 17 * np.linalg.inv(A.T @ A), rtol=1e-6)


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (lambda: least_squares(lambda x: x * np.nan, [1.0]), "a result with a jac"),
        (lambda: least_squares(lambda x: x, [1.0], lambda x: np.array([[np.nan]])), "a finite jac"),
        (lambda: least_squares_batch(lambda x, index: x, np.ones((3, 2))), "about one fit; curve_fit_batch"),
    ],
)
def test_what_has_no_covariance(result: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        covariance(result())
