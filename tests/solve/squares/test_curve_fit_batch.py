"""Does each of many data sets get the fit and the covariance that curve_fit gives it alone?"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from cases import shown

from onepass.arrays import Array
from onepass.solve import OptimizeWarning, curve_fit, curve_fit_batch

SETS = 40
T = np.linspace(0, 4, 30)
RANDOM = np.random.default_rng(5)
TRUE = RANDOM.uniform((1.0, 0.5, -1.0), (3.0, 2.0, 1.0), (SETS, 3))
OWN_T = T + RANDOM.uniform(0, 0.2, (SETS, T.size))


def decay(t: Array, a: Any, b: Any, c: Any) -> Array:
    return np.asarray(a * np.exp(-b * t) + c)


def slopes(t: Array, a: Any, b: Any, c: Any) -> Array:
    fall = np.exp(-b * t)
    return np.stack((fall, -a * t * fall, np.ones_like(fall)), axis=-1)


Y = decay(T, *TRUE.T[:, :, None]) + 0.05 * RANDOM.standard_normal((SETS, T.size))


@pytest.mark.parametrize("absolute", [False, True])
@pytest.mark.parametrize("sigma", [None, 0.3, np.linspace(1, 2, T.size), RANDOM.uniform(1, 2, Y.shape)], ids=shown)
@pytest.mark.parametrize("jac", [None, slopes], ids=["differences", "jac"])
@pytest.mark.parametrize("x", [T, OWN_T], ids=["one", "own"])
def test_as_one_by_one(x: Array, jac: Any, sigma: Any, absolute: bool) -> None:
    p, cov = curve_fit_batch(decay, x, Y, sigma=sigma, absolute_sigma=absolute, jac=jac)
    assert p.shape == (SETS, 3)
    assert cov.shape == (SETS, 3, 3)
    for b in range(0, SETS, 7):
        own_sigma = sigma[b] if np.ndim(sigma) == 2 else sigma
        q, peer = curve_fit(decay, x if x.ndim == 1 else x[b], Y[b], sigma=own_sigma, absolute_sigma=absolute)
        np.testing.assert_allclose(p[b], q, rtol=1e-4)
        np.testing.assert_allclose(cov[b], peer, rtol=1e-3, atol=1e-5 * np.abs(peer).max())


@pytest.mark.parametrize("jac", [None, slopes], ids=["differences", "jac"])
def test_bounds_of_each_set(jac: Any) -> None:
    """The last set has a fixed parameter, which is a constant then."""
    lower, upper = TRUE - 1, TRUE + np.where(np.arange(SETS)[:, None] % 2, -0.05, 1.0)
    lower[-1, 2] = upper[-1, 2] = 0.1
    p, cov = curve_fit_batch(decay, T, Y, bounds=(lower, upper), jac=jac)
    assert ((lower <= p) & (p <= upper)).all()
    assert p[-1, 2] == 0.1
    assert (cov[-1, 2] == 0).all()
    for b in range(0, SETS, 4):
        q, peer = curve_fit(decay, T, Y[b], bounds=(lower[b], upper[b]), jac=jac)
        np.testing.assert_allclose(p[b], q, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(cov[b], peer, rtol=1e-3, atol=1e-5 * np.abs(peer).max())


def test_bounds() -> None:
    bounds = ([0, 0, -1], [2, 3, 1])
    p, cov = curve_fit_batch(decay, T, Y, bounds=bounds)
    held = p[:, 0] == 2
    assert held.any()
    assert not held.all()
    assert (cov[held, 0] == 0).all()
    for b in range(0, SETS, 5):
        q, peer = curve_fit(decay, T, Y[b], bounds=bounds)
        np.testing.assert_allclose(p[b], q, rtol=1e-4)
        np.testing.assert_allclose(cov[b], peer, rtol=1e-3, atol=1e-5 * np.abs(peer).max())


def test_what_fails_or_is_not_determined_is_told_and_leaves_the_others_alone() -> None:
    start = np.ones((SETS, 3))
    start[3, 1] = -1e4  # overflows
    with pytest.warns(OptimizeWarning, match=f"1 of {SETS} fits did not converge"), np.errstate(all="ignore"):
        p, cov, fits = curve_fit_batch(decay, T, Y, start, full_output=True)
    assert fits.success.sum() == SETS - 1
    assert (cov[3] == np.inf).all()
    rest = np.delete(np.arange(SETS), 3)
    q, peer = curve_fit_batch(decay, T, Y[rest])
    np.testing.assert_array_equal(p[rest], q)
    np.testing.assert_allclose(cov[rest], peer, rtol=1e-12)
    _, cov = curve_fit_batch(lambda t, a, b: a * t + 0 * b, T, Y)
    assert (cov == np.inf).all()
    _, cov = curve_fit_batch(lambda t, a, b: a * t + b, T[:2], Y[:, :2])  # no residuals left over
    assert (cov == np.inf).all()


def test_covariances_cost_no_calls_where_the_last_derivatives_tell() -> None:
    counted = 0

    def seen(t: Array, a: Any, b: Any, c: Any) -> Array:
        nonlocal counted
        counted += len(a)
        return decay(t, a, b, c)

    _, cov, fits = curve_fit_batch(seen, T, Y, full_output=True)
    assert counted == fits.nfev.sum()
    exact = curve_fit_batch(seen, T, Y, jac=slopes)[1]
    np.testing.assert_allclose(cov, exact, rtol=1e-4, atol=1e-8)  # of the point before, a short step away


def test_covariances_of_ill_conditioned_sets_are_of_central_differences() -> None:
    """Columns that differ by a ten-thousandth."""

    def nearly(t: Array, a: Any, b: Any, c: Any) -> Array:
        return np.asarray(np.exp(-t) * (a + b * (1 + 1e-4 * t)) + c * t)

    y = nearly(T, *np.ones((3, 5, 1))) + 0.01 * RANDOM.standard_normal((5, T.size))
    _, cov = curve_fit_batch(nearly, T, y)
    columns = [np.exp(-T), np.exp(-T) * (1 + 1e-4 * T), T]

    def jac(t: Array, *p: Any) -> Array:
        return np.tile(np.stack(columns, axis=-1), (len(p[0]), 1, 1))

    np.testing.assert_allclose(cov, curve_fit_batch(nearly, T, y, jac=jac)[1], rtol=1e-5)


def test_curves_of_other_shapes_and_kinds() -> None:
    """What does not depend on x comes as one number for each set."""
    p, cov = curve_fit_batch(lambda t, c: c, T, Y)
    np.testing.assert_allclose(p[:, 0], Y.mean(axis=1), rtol=1e-6)
    np.testing.assert_allclose(cov[:, 0, 0], Y.var(axis=1, ddof=1) / T.size, rtol=1e-5)
    single, _ = curve_fit_batch(lambda t, *p: decay(t, *p).astype(np.float32), T, Y, np.ones(3))
    np.testing.assert_allclose(single, curve_fit_batch(decay, T, Y)[0], rtol=1e-2, atol=1e-2)


def test_workers() -> None:
    for jac in (None, slopes):
        alone, together = (curve_fit_batch(decay, OWN_T, Y, jac=jac, workers=workers) for workers in (1, 2))
        for one, other in zip(alone, together, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-6)


def test_options_are_passed_on() -> None:
    with pytest.warns(OptimizeWarning, match="the budget of iterations"):
        curve_fit_batch(decay, T, Y, max_iter=1)
    bad = Y.copy()
    bad[:, 4] += 9
    robust, _ = curve_fit_batch(decay, T, bad, loss="cauchy", f_scale=0.1)
    plain, _ = curve_fit_batch(decay, T, Y)
    assert np.median(np.abs(robust - plain)) < 0.05


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"ydata": Y[0]}, "ydata must be finite and of the shape (B, m)"),
        ({"ydata": Y * np.nan}, "ydata must be finite"),
        ({"xdata": T[:5]}, "xdata must be finite and of the shape (30,) or (40, 30)"),
        ({"p0": np.ones((3, 3))}, "p0 must have the shape (n,) or (40, n)"),
        ({"sigma": -1.0}, "sigma must be above 0"),
        ({"sigma": np.ones(3)}, "sigma must be above 0, a number or of the shape (30,) or (40, 30)"),
        ({"f": lambda t, *p: t}, "pass p0"),
        ({"bounds": (2, 1)}, "no lower bound may be above"),
    ],
    ids=shown,
)
def test_bad_arguments(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        curve_fit_batch(**({"f": decay, "xdata": T, "ydata": Y} | arguments))
