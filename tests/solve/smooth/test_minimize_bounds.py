"""Does L-BFGS with bounds stay within them and end where the projected gradient vanishes?"""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from smooth_functions import Quadratic, rosenbrock, rosenbrock_start

from onepass.solve import Status, minimize


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("seed", range(5))
def test_a_quadratic_in_a_box(seed: int, dtype: type) -> None:
    """The conditions of Karush, Kuhn and Tucker: zero inside, outward at the bounds."""
    quadratic = Quadratic(np.linspace(1, 20, 30), seed)
    visited: list[Any] = []

    def fun(x: Any) -> tuple[float, Any]:
        visited.append(x.copy())
        return quadratic(x)

    bounds = [(-0.05, 0.1)] * 30
    tolerance = 1e-6 if dtype == np.float64 else 1e-3
    result = minimize(fun, np.full(30, 3, dtype), jac=True, bounds=bounds, options={"gtol": tolerance, "ftol": 0.0})
    assert result.status is Status.GRADIENT
    low, high = dtype(-0.05), dtype(0.1)
    assert all(((low <= x) & (x <= high)).all() for x in visited)
    x, g = result.x, result.jac
    at_low, at_high = x == low, x == high
    assert at_low.any()
    assert at_high.any()
    assert (~at_low & ~at_high).any()
    assert np.abs(g[~at_low & ~at_high]).max() <= tolerance
    assert (g[at_low] >= -tolerance).all()
    assert (g[at_high] <= tolerance).all()


def test_the_same_minima_as_scipy() -> None:
    optimize = pytest.importorskip("scipy.optimize")
    for size in (2, 10, 100):
        bounds = [(None, 0.8) if i % 4 == 0 else (-0.5, math.inf) for i in range(size)]
        x0 = rosenbrock_start(size)
        options = {"ftol": 0.0, "gtol": 1e-6}
        own = minimize(rosenbrock, x0, jac=True, bounds=bounds, options=options)
        peer = optimize.minimize(rosenbrock, x0, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
        assert own.success
        assert own.fun == pytest.approx(peer.fun, rel=1e-6)
        np.testing.assert_allclose(own.x, peer.x, atol=1e-4)


def nonnegative(rows: int, size: int, rng: np.random.Generator) -> Any:
    """Least squares of which some of the best weights are zero."""
    a = rng.standard_normal((rows, size))
    b = a @ np.maximum(rng.standard_normal(size), 0) + 0.1 * rng.standard_normal(rows)

    def fun(x: Any) -> tuple[float, Any]:
        error = a @ x - b
        return 0.5 * float(error @ error), a.T @ error

    return fun, np.ones(size), [(0, None)] * size


@pytest.mark.parametrize("case", ["corner", "mixed", "nonnegative", "half"])
def test_it_takes_as_many_calls_as_scipy(case: str, rng: np.random.Generator) -> None:
    """From 4 in a corner to 70; a projection of L-BFGS's directions takes up to 40 times as many."""
    optimize = pytest.importorskip("scipy.optimize")
    quadratic = Quadratic(np.logspace(0, 2, 60))
    side = np.abs(quadratic.solution) / 2
    fun, x0, bounds = {
        "corner": (rosenbrock, rosenbrock_start(100), [(-2, 0.5)] * 100),
        "mixed": (rosenbrock, rosenbrock_start(10), [(-0.5, None) if i % 4 else (None, 0.8) for i in range(10)]),
        "nonnegative": nonnegative(120, 100, rng),
        "half": (quadratic, np.zeros(60), [(-side[i], side[i]) if i % 2 else (None, None) for i in range(60)]),
    }[case]
    options = {"ftol": 0.0, "gtol": 1e-5}
    own = minimize(fun, x0, jac=True, bounds=bounds, options=options)
    peer = optimize.minimize(fun, x0, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
    assert own.status is Status.GRADIENT
    assert own.fun == pytest.approx(peer.fun, rel=1e-6)
    assert own.nfev <= 1.1 * peer.nfev


def test_kinds_of_bounds() -> None:
    def fun(x: Any) -> float:
        assert (x <= 1).all()
        return float(((x - 3) ** 2).sum())

    for bounds in ([(None, 1.0), (-math.inf, 1)], SimpleNamespace(lb=-math.inf, ub=1.0), [(1.0, 1.0)] * 2):
        result = minimize(fun, [0.0, 5.0], bounds=bounds)
        assert result.success
        np.testing.assert_array_equal(result.x, 1)


def test_no_bounds_that_matter() -> None:
    bounded = minimize(rosenbrock, rosenbrock_start(4), jac=True, bounds=[(None, None)] * 4)
    assert bounded.success
    np.testing.assert_allclose(bounded.x, 1, atol=1e-4)


def test_not_finite_within_the_bounds() -> None:
    def fun(x: Any) -> tuple[float, Any]:
        return (float((x - np.log(x)).sum()), 1 - 1 / x) if (x > 0).all() else (math.nan, x)

    result = minimize(fun, [3.9, 0.01], jac=True, bounds=[(-1, 5)] * 2)
    np.testing.assert_allclose(result.x, 1, atol=1e-4)


def test_budgets() -> None:
    for options, status in (({"maxiter": 3}, Status.MAX_ITERATIONS), ({"maxfun": 4}, Status.MAX_EVALUATIONS)):
        result = minimize(rosenbrock, rosenbrock_start(2), jac=True, bounds=[(-2, 0.9)] * 2, options=options)
        assert result.status is status
        assert result.nfev <= options.get("maxfun", 100)
