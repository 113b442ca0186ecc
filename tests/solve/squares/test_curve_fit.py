"""Does curve_fit return what SciPy's does, on real curves, with every kind of sigma, bounds and missing data?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from cases import shown

from onepass.arrays import Array
from onepass.solve import OptimizeWarning, covariance, curve_fit, least_squares

scipy_optimize = pytest.importorskip("scipy.optimize")


def michaelis_menten(s: Array, v: float, k: float) -> Array:
    return v * s / (k + s)


def dose_response(log_dose: Array, low: float, high: float, middle: float, slope: float) -> Array:
    return low + (high - low) / (1 + 10 ** ((middle - log_dose) * slope))


def gompertz(t: Array, a: float, b: float, c: float) -> Array:
    return np.asarray(a * np.exp(-b * np.exp(-c * t)))


def decay(t: Array, a: float, b: float, c: float) -> Array:
    return np.asarray(a * np.exp(-b * t) + c)


def decay_jacobian(t: Array, a: float, b: float, c: float) -> Array:
    fall = np.exp(-b * t)
    return np.column_stack((fall, -a * t * fall, np.ones_like(t)))


CURVES: dict[str, tuple[Callable[..., Array], Array, tuple[float, ...], tuple[float, ...]]] = {
    "enzyme": (michaelis_menten, np.array([0.02, 0.06, 0.11, 0.22, 0.56, 1.1] * 2), (212.7, 0.064), (100.0, 0.1)),
    "dose": (dose_response, np.linspace(-9, -4, 16), (5.0, 100.0, -6.7, 1.2), (0.0, 90.0, -6.0, 1.0)),
    "growth": (gompertz, np.linspace(0, 10, 25), (50.0, 5.0, 0.7), (40.0, 3.0, 0.5)),
    "decay": (decay, np.linspace(0, 4, 50), (2.5, 1.3, 0.5), (1.0, 1.0, 1.0)),
}


def data(name: str) -> tuple[Callable[..., Array], Array, Array, tuple[float, ...]]:
    f, x, true, start = CURVES[name]
    y = f(x, *true)
    return f, x, y + 0.03 * np.std(y) * np.random.default_rng(len(name)).standard_normal(x.size), start


@pytest.mark.parametrize("absolute", [False, True])
@pytest.mark.parametrize("kind", ["none", "number", "each", "covariance"])
@pytest.mark.parametrize("name", CURVES)
def test_as_scipys(name: str, kind: str, absolute: bool) -> None:
    f, x, y, start = data(name)
    each = np.linspace(0.5, 2, y.size)
    correlated = np.diag(each**2) + 0.2 * np.exp(-np.abs(np.subtract.outer(np.arange(y.size), np.arange(y.size))))
    sigma = {"none": None, "number": 0.3, "each": each, "covariance": correlated}[kind]
    p, cov = curve_fit(f, x, y, start, sigma, absolute)
    q, peer = scipy_optimize.curve_fit(f, x, y, start, sigma, absolute, ftol=1e-13, xtol=1e-13)
    np.testing.assert_allclose(p, q, rtol=1e-6)
    np.testing.assert_allclose(cov, peer, rtol=1e-4, atol=1e-7 * np.abs(peer).max())


@pytest.mark.parametrize("method", [None, "lm", "trf", "dogbox", "dogleg", "gauss-newton"])
@pytest.mark.parametrize("jac", [None, "2-point", "3-point", "cs", decay_jacobian], ids=shown)
def test_methods_and_jacobians(method: Any, jac: Any) -> None:
    f, x, y, start = data("decay")
    p, cov = curve_fit(f, x, y, start, method=method, jac=jac, sigma=np.full(y.size, 0.1))
    q, peer = curve_fit(f, x, y, start, jac=decay_jacobian)
    np.testing.assert_allclose(p, q, rtol=1e-6)
    np.testing.assert_allclose(cov, peer, rtol=1e-4)


def test_it_is_least_squares_and_their_covariance() -> None:
    f, x, y, start = data("growth")
    fit = least_squares(lambda p: f(x, *p) - y, start)
    p, cov = curve_fit(f, x, y, start)
    np.testing.assert_array_equal(p, fit.x)
    np.testing.assert_allclose(cov, covariance(fit), rtol=1e-12)


@pytest.mark.parametrize(
    "options", [{"loss": "soft_l1", "f_scale": 0.1}, {"callback": lambda x: None}, {"geodesic": True}], ids=shown
)
@pytest.mark.parametrize("jac", [None, "3-point"])
@pytest.mark.parametrize("name", CURVES)
def test_it_is_least_squares_with_options_too(name: str, jac: Any, options: Any) -> None:
    f, x, y, start = data(name)
    fit = least_squares(lambda p: f(x, *p) - y, start, jac, **options)
    p, cov = curve_fit(f, x, y, start, jac=jac, **options)
    np.testing.assert_array_equal(p, fit.x)
    np.testing.assert_allclose(cov, covariance(fit), rtol=1e-12)


def test_bounds_and_starts_within_them() -> None:
    f, x, y, _ = data("decay")
    for bounds in (([0, 0, 0], [2, 3, np.inf]), scipy_optimize.Bounds([0, 0, 0], [2, 3, np.inf])):
        p, cov = curve_fit(f, x, y, bounds=bounds)
        q, _ = scipy_optimize.curve_fit(f, x, y, bounds=bounds)
        np.testing.assert_allclose(p, q, rtol=1e-4)
        assert p[0] == 2
        assert (cov[0] == 0).all()  # a parameter at a bound is a constant
    p, cov = curve_fit(f, x, y, [2.5, 1.0, 0.5], bounds=([2.5, 0, 0], [2.5, 9, 9]))
    assert p[0] == 2.5
    q, peer = curve_fit(lambda t, b, c: f(t, 2.5, b, c), x, y, [1.0, 0.5])
    np.testing.assert_allclose(p[1:], q, rtol=1e-7)
    np.testing.assert_allclose(cov[1:, 1:], peer, rtol=1e-5)


def test_points_without_numbers_are_left_out() -> None:
    f, x, y, start = data("decay")
    sigma = np.linspace(1, 2, y.size)
    p, cov = curve_fit(f, x[3:], y[3:], start, sigma[3:])
    x, y = x.copy(), y.copy()
    x[0], y[1], y[2] = np.nan, np.nan, np.nan
    q, peer = curve_fit(f, x, y, start, sigma, nan_policy="omit")
    np.testing.assert_array_equal(p, q)
    np.testing.assert_array_equal(cov, peer)
    with pytest.raises(ValueError, match="contains nan"):
        curve_fit(f, x, y, start, nan_policy="raise")
    with pytest.raises(ValueError, match="xdata must be finite"):
        curve_fit(f, x, y, start)


def test_all_that_is_returned() -> None:
    f, x, y, start = data("enzyme")
    calls = []

    def counted(s: Array, v: float, k: float) -> Array:
        calls.append((v, k))
        return f(s, v, k)

    p, cov, more, message, ier = curve_fit(counted, x, y, start, full_output=True)
    assert more["nfev"] == len(calls)
    np.testing.assert_array_equal(more["fvec"], f(x, *p) - y)
    r = np.triu(more["fjac"][:, :2].T)
    np.testing.assert_allclose(np.linalg.inv(r.T @ r) * (more["fvec"] @ more["fvec"]) / 10, cov, rtol=1e-9)
    assert more["qtf"].shape == more["ipvt"].shape == (2,)
    assert message
    assert ier in (1, 2, 3, 4)


def test_what_is_not_determined_is_told() -> None:
    x = np.arange(5.0)
    with pytest.warns(OptimizeWarning, match="could not be estimated"):
        _, cov = curve_fit(lambda x, a, b: a * x, x, 2 * x + np.array([0.1, 0, 0, 0, -0.1]))
    assert (cov == np.inf).all()


class Model:
    def curve(self, x: Array, a: float, b: float) -> Array:
        return a + b * x


@pytest.mark.parametrize("f", [Model().curve, lambda x, a, b: a + b * x, lambda x, a, b=1.0: a + b * x], ids=shown)
def test_how_many_parameters_a_function_has(f: Any) -> None:
    x = np.arange(6.0)
    p, _ = curve_fit(f, x, 3 + 2 * x + 0.01 * (-1) ** np.arange(6))
    assert p == pytest.approx([3, 2], abs=0.02)


def test_options_of_least_squares() -> None:
    f, x, y, start = data("decay")
    bad = y.copy()
    bad[7] += 5
    plain, _ = curve_fit(f, x, y, start)
    robust, _ = curve_fit(f, x, bad, start, loss="cauchy", f_scale=0.05, x_scale="jac", ftol=None)
    assert np.abs(robust - plain).max() < 0.05
    for name in ("maxfev", "max_nfev"):
        with pytest.raises(RuntimeError, match="did not converge: the budget of evaluations is spent"):
            curve_fit(f, x, y, start, **{name: 5})


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        ({"f": lambda x, *p: x}, ValueError, "pass p0"),
        ({"ydata": []}, ValueError, "ydata must not be empty"),
        ({"sigma": [1.0, 2.0]}, ValueError, "sigma must be a number"),
        ({"sigma": 0.0}, ValueError, "sigma must be above 0"),
        ({"sigma": -np.eye(6)}, ValueError, "sigma must be positive definite"),
        ({"nan_policy": "drop"}, ValueError, "nan_policy must be one of"),
        ({"args": (1,)}, ValueError, "curve_fit has no args"),
        ({"factor": 1.0}, TypeError, "curve_fit has no option 'factor'"),
        ({"p0": [5.0, 1.0], "bounds": (0, 2)}, ValueError, "x0 must lie within the bounds"),
        ({"p0": []}, ValueError, "p0 must have a number for each parameter"),
        ({"p0": np.ones(9)}, TypeError, "number of func parameters=9"),
        ({"f": lambda x, a, b: np.ones((2, 6))}, ValueError, "f must return an array of shape (any,)"),
        ({"f": lambda x, a, b: None}, TypeError, "NoneType"),
        ({"method": "nelder-mead"}, ValueError, "method must be one of"),
    ],
    ids=shown,
)
def test_bad_arguments(arguments: dict[str, Any], error: type[Exception], said: str) -> None:
    x = np.arange(6.0)
    with pytest.raises(error) as caught:
        curve_fit(**({"f": lambda x, a, b: a + b * x, "xdata": x, "ydata": 2 * x} | arguments))
    assert said in str(caught.value)


@pytest.mark.parametrize("jac", [None, decay_jacobian])
def test_a_last_step_that_is_within_the_tolerances_costs_no_derivatives(jac: Any) -> None:
    """With data whose last step lowers the cost, beside a fit that asks for them."""
    t = np.linspace(0, 4, 50)
    y, counts = decay(t, 2.0, 1.1, 0.5) + 0.05 * np.cos(37 * t), [0, 0]

    def f(t: Array, a: float, b: float, c: float) -> Array:
        counts[0] += 1
        return decay(t, a, b, c)

    def slopes(t: Array, a: float, b: float, c: float) -> Array:
        counts[1] += 1
        return decay_jacobian(t, a, b, c)

    p, cov = curve_fit(f, t, y, [1.0, 1.0, 0.0], jac=jac and slopes)
    whole = least_squares(
        lambda p: decay(t, *p) - y, [1.0, 1.0, 0.0], jac and (lambda p: decay_jacobian(t, *p)), gtol=1e-10
    )
    np.testing.assert_array_equal(p, whole.x)
    np.testing.assert_allclose(cov, covariance(whole), rtol=1e-6)
    if jac is None:
        assert counts == [whole.nfev - 6, 0]
    else:
        assert counts == [whole.nfev, whole.njev - 1]
