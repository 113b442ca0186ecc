"""Does a minimizer without gradients stop where differences tell nothing any more, and not before?"""

from __future__ import annotations

import math
from statistics import median
from typing import Any

import numpy as np
import pytest
from more_garbow_hillstrom import PROBLEMS
from smooth_functions import Quadratic, rosenbrock, rosenbrock_start

from onepass.solve import Status, least_squares, minimize

methods = pytest.mark.parametrize("method", ["bfgs", "lbfgs", "cg", "dfp", "gd"])


class Counted:
    """A function that counts its calls."""

    def __init__(self, fun: Any) -> None:
        self.fun, self.calls = fun, 0

    def __call__(self, x: Any) -> Any:
        self.calls += 1
        return self.fun(x)


def value(x: Any) -> float:
    return rosenbrock(x)[0]


def test_the_start_that_never_stopped() -> None:
    """Simple differences tell no way down from iteration 19 on; it took 24,078 calls. Central ones confirm the end."""
    fun = Counted(value)
    result = minimize(fun, [0.68249766, 0.58875805], method="bfgs")
    assert result.status is Status.GRADIENT
    assert result.nfev == fun.calls < 150
    np.testing.assert_allclose(result.x, 1, atol=1e-4)


@methods
@pytest.mark.parametrize("jac", ["2-point", "3-point"])
def test_the_noise_floor_ends_it(method: str, jac: str) -> None:
    """A gradient of 0 is to be had by luck alone: the end is at the resolution of the differences, and is said."""
    quadratic = Quadratic([1.0, 2.0, 5.0])
    result = minimize(
        lambda x: quadratic(x)[0] + math.pi, np.ones(3), method=method, jac=jac, options={"gtol": 0.0, "ftol": 0.0}
    )
    assert result.status is (Status.NOISE if result.jac.any() else Status.GRADIENT)
    assert result.nfev < 1500
    np.testing.assert_allclose(result.x, quadratic.solution, atol=1e-5)


def test_not_more_calls_than_scipys() -> None:
    """Over the problems of Moré, Garbow and Hillstrom."""
    optimize = pytest.importorskip("scipy.optimize")
    own, other = [], []
    with np.errstate(all="ignore"):
        for problem in PROBLEMS.values():
            own.append(minimize(problem.squares, problem.start, method="bfgs").nfev)
            other.append(optimize.minimize(problem.squares, problem.start, method="BFGS").nfev)
    assert median(a / b for a, b in zip(own, other, strict=True)) <= 1
    assert sum(own) < 2 * sum(other)


def in_float32(x: Any) -> np.float32:
    """Computed in float32."""
    single = x.astype(np.float32)
    return np.float32(((single - np.float32(0.7)) ** 2).sum() + np.float32(3))


@methods
@pytest.mark.parametrize(
    "fun",
    [in_float32, lambda x: float(in_float32(x)), lambda x: np.array([in_float32(x)])],
    ids=["float32", "float", "array"],
)
def test_differences_fit_an_objective_in_float32(method: str, fun: Any) -> None:
    """Steps that suit float64 find no difference at all: the gradient is 0 and the start a success."""
    counted = Counted(fun)
    result = minimize(counted, np.zeros(3), method=method)
    assert result.nit > 0
    assert result.nfev == counted.calls
    np.testing.assert_allclose(result.x, 0.7, atol=2e-3)


def test_values_that_happen_to_be_short() -> None:
    """A linear function of 0 has values of float32 at steps that are powers of two; it is computed in float64."""
    result = minimize(lambda x: float(x[0] + math.exp(-x[0])), [0.0], method="bfgs", options={"gtol": 1e-6})
    assert result.success
    flat = minimize(lambda x: float(abs(x[0] - 3) + x[0]), [0.0], jac="2-point", options={"maxfun": 3})
    assert flat.nfev <= 3
    exact = minimize(lambda x: x[0] * 0.5 + 0.25 * x[0] ** 2, [0.0], jac="2-point", options={"gtol": 1e-7})
    assert exact.x == pytest.approx(-1, abs=1e-7)


@methods
@pytest.mark.parametrize("maxfun", [0, 1, 2, 3, 4, 7, 20])
@pytest.mark.parametrize("bounds", [None, [(-2, 2)] * 2])
def test_the_budget_is_kept(method: str, maxfun: int, bounds: Any) -> None:
    """A gradient takes two calls beside the value's."""
    if bounds and method != "lbfgs":
        pytest.skip("it takes no bounds")
    fun = Counted(value)
    result = minimize(fun, rosenbrock_start(2), method=method, bounds=bounds, options={"maxfun": maxfun})
    assert result.status is Status.MAX_EVALUATIONS
    assert result.nfev == fun.calls <= max(1, maxfun)
    assert result.fun <= value(rosenbrock_start(2))
    assert np.isnan(result.jac).all() == (maxfun < 3)


@methods
def test_by_a_complex_step(method: str) -> None:
    def fun(x: Any) -> Any:
        return 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2

    options = {"gtol": 1e-5 if method == "gd" else 1e-8, "maxiter": 8000}
    result = minimize(fun, rosenbrock_start(2), method=method, jac="cs", options=options)
    assert result.success
    np.testing.assert_allclose(result.x, 1, atol=1e-4)
    np.testing.assert_allclose(result.jac, rosenbrock(result.x)[1], atol=1e-12)


def test_steps_of_the_users() -> None:
    """A step of h makes the forward difference of x^2 2 x + h, and moves the minimizer by h / 2."""
    for options in ({"eps": 0.5}, {"eps": [0.5, 0.5]}, {"finite_diff_rel_step": 0.125}):
        seen: list[Any] = []
        minimize(
            lambda x, s=seen: s.append(x) or float(x @ x), [4.0, -4.0], jac="2-point", options={**options, "maxiter": 0}
        )
        np.testing.assert_array_equal(seen, [[4, -4], [4.5, -4], [4, -4.5]])
    usual = minimize(lambda x: float((x - 1) @ (x - 1)), [0.0, 2.0], options={"finite_diff_rel_step": 1e-7})
    np.testing.assert_allclose(usual.x, 1, atol=1e-5)


def test_a_map_calls_the_objective() -> None:
    """In any order, with the values in theirs; fixed variables are not moved."""
    batches: list[int] = []

    def backwards(function: Any, points: Any) -> Any:
        points = list(points)
        batches.append(len(points))
        return [function(x) for x in points[::-1]][::-1]

    for bounds, free in (([(None, None)] * 3, 3), ([(None, None), (0.5, 0.5), (-9, 9)], 2)):
        found, same = (
            minimize(lambda x, y: float(((x - y) ** 2).sum()), np.zeros(3), 2.0, bounds=bounds, options=options)
            for options in ({"workers": backwards}, None)
        )
        np.testing.assert_array_equal(found.x, same.x)
        assert (found.nfev, found.njev) == (same.nfev, same.njev)
        assert set(batches) == {free, 1} or set(batches) == {free}
        batches.clear()


def distance(x: Any, y: float) -> float:
    return float(((x - y) ** 2).sum())


@pytest.mark.parametrize("workers", [1, 2, np.int64(2)])
def test_a_number_of_workers_is_as_many_processes(workers: Any) -> None:
    found, same = (minimize(distance, np.zeros(3), 2.0, options=options) for options in ({"workers": workers}, None))
    np.testing.assert_array_equal(found.x, same.x)
    assert found.nfev == same.nfev


def test_one_worker_is_this_process() -> None:
    """A closure passes, which another process would refuse."""
    y = np.arange(3.0)
    assert minimize(lambda x: float(((x - y) ** 2).sum()), np.zeros(3), options={"workers": 1}).success
    assert least_squares(lambda x: x - y, np.zeros(3), workers=1).success


def test_fixed_variables_have_no_derivative() -> None:
    seen: list[Any] = []
    bounds = [(-5, 5), (2.0, 2.0)]
    result = minimize(lambda x: seen.append(x) or value(x), [0.0, 0.0], bounds=bounds, options={"gtol": 1e-4})
    assert result.success
    assert {x[1] for x in seen} == {2.0}
    assert result.x[0] == pytest.approx(math.sqrt(2), abs=3e-3)
    assert np.isnan(result.jac).tolist() == [False, True]
    gradient = minimize(rosenbrock, [0.0, 0.0], jac=True, bounds=bounds)
    assert np.isfinite(gradient.jac).all()


def test_an_exception_of_any_kind_passes() -> None:
    def fun(x: Any) -> float:
        if x[0] != 0:
            raise StopIteration("mine")
        return 0.0

    with pytest.raises(StopIteration, match="mine"):
        minimize(fun, [0.0, 0.0])
