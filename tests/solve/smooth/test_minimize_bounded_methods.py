"""Do the methods with a dense or a product model keep within bounds, and end where L-BFGS-B does? And for no more?"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hock_schittkowski import PROBLEMS
from more_garbow_hillstrom import PROBLEMS as SQUARES
from smooth_functions import Quadratic, rosenbrock, rosenbrock_hessian, rosenbrock_start

from onepass.solve import Status, minimize
from onepass.solve.smooth.box import place, projected_step, room, step_within
from onepass.solve.smooth.methods import METHODS, WITH_MATRIX, WITH_PRODUCTS, WITHOUT_BOUNDS
from onepass.solve.smooth.newton import newtons

BOUNDED = [name for name in METHODS if name not in (*WITHOUT_BOUNDS, "lbfgs")]
NEED_HESSIAN = (*WITH_MATRIX, *WITH_PRODUCTS)
methods = pytest.mark.parametrize("method", BOUNDED)


class Guarded:
    """A function that fails outside of bounds."""

    def __init__(self, function: Any, lower: Any, upper: Any) -> None:
        self._function, self._lower, self._upper = function, lower, upper

    def __call__(self, x: Any, *more: Any) -> Any:
        assert ((self._lower <= x) & (x <= self._upper)).all()
        return self._function(x, *more)


def sides(bounds: Any) -> tuple[Any, Any]:
    pairs = [(-math.inf if low is None else low, math.inf if high is None else high) for low, high in bounds]
    return np.array([low for low, _ in pairs]), np.array([high for _, high in pairs])


@methods
@pytest.mark.parametrize("number", PROBLEMS)
def test_hock_and_schittkowskis_problems(number: int, method: str) -> None:
    """The second one's start leads to its other minimum, where L-BFGS-B ends as well."""
    problem = PROBLEMS[number]
    limits = sides(problem.bounds)
    found = minimize(
        Guarded(problem.fun, *limits),
        problem.start,
        jac=True,
        hess=Guarded(problem.hess, *limits) if method in NEED_HESSIAN else None,
        method=method,
        bounds=problem.bounds,
        options={"gtol": 1e-8, "maxiter": 2000},
    )
    assert found.status is Status.GRADIENT
    least = problem.least if problem.other is None else problem.other
    assert found.fun == pytest.approx(least, rel=1e-8, abs=1e-8)
    assert np.abs(projected_step(found.x, problem.fun(found.x)[1], *limits)).max() <= 1e-8


@pytest.mark.parametrize("number", PROBLEMS)
def test_derivatives_of_the_problems(number: int) -> None:
    problem = PROBLEMS[number]
    low, high = sides(problem.bounds)
    x = np.clip(np.array(problem.start) + 0.1, low + 0.01, high - 0.01)
    h = 1e-5 * np.eye(x.size)
    slopes = [(problem.fun(x + one)[0] - problem.fun(x - one)[0]) / 2e-5 for one in h]
    rows = [(problem.fun(x + one)[1] - problem.fun(x - one)[1]) / 2e-5 for one in h]
    np.testing.assert_allclose(problem.fun(x)[1], slopes, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(problem.hess(x), rows, rtol=1e-6, atol=1e-6)


@methods
@pytest.mark.parametrize("condition", [1e2, 1e6])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_convex_quadratics(method: str, condition: float, dtype: type, rng: np.random.Generator) -> None:
    """The conditions of Karush, Kuhn and Tucker; some variables fixed, some free, the start outside."""
    if dtype == np.float32 and condition > 1e2:
        pytest.skip("below float32's rounding")
    for seed in range(3):
        quadratic = Quadratic(np.logspace(0, math.log10(condition), 12), seed)
        side = np.abs(quadratic.solution) / 2
        low = np.where(rng.random(12) < 0.5, -side, -math.inf).astype(dtype)
        high = np.where(rng.random(12) < 0.5, side, math.inf).astype(dtype)
        low[3] = high[3] = 0.25
        tolerance = 1e-2 if dtype == np.float32 else 1e-6 if condition == 1e2 else 1e-4
        found = minimize(
            Guarded(quadratic, low, high),
            np.full(12, 3, dtype),
            jac=True,
            hess=Guarded(quadratic.hessian, low, high) if method in NEED_HESSIAN else None,
            method=method,
            bounds=np.stack([low, high], 1),
            options={"gtol": tolerance},
        )
        assert found.status is Status.GRADIENT
        x, g = found.x, quadratic(found.x.astype(np.float64))[1]
        assert x.dtype == dtype
        inside = (low < x) & (x < high)
        assert not inside[3]
        assert (x == low).any()
        assert (x == high).any()
        assert np.abs(g[inside]).max() <= 2 * tolerance
        assert (g[(x == low) & (low < high)] >= 0).all()
        assert (g[(x == high) & (low < high)] <= 0).all()


@methods
def test_an_ill_conditioned_quadratic_takes_few_iterations(method: str) -> None:
    """Of condition 1e6: where a step is only halved when it meets a bound, Newton's method takes thousands."""
    for seed in range(5):
        quadratic = Quadratic(np.logspace(0, 6, 5), seed)
        side = np.abs(quadratic.solution) / 2
        found = minimize(
            quadratic,
            np.full(5, 3.0),
            jac=True,
            hess=quadratic.hessian if method in NEED_HESSIAN else None,
            method=method,
            bounds=[(-s, None) if i % 2 else (None, s) for i, s in enumerate(side)],
            options={"gtol": 1e-3},
        )
        assert found.status is Status.GRADIENT
        assert found.nit <= (10 if method == "newton" else 40)


#: In whose boxes some variables end at bounds and others do not.
BOXED = (
    "freudenstein-roth",
    "powell-badly-scaled",
    "kowalik-osborne",
    "biggs-exp6",
    "osborne-2",
    "broyden-tridiagonal",
)


@methods
@pytest.mark.parametrize("name", BOXED)
def test_the_same_minima_as_scipy(name: str, method: str) -> None:
    """In boxes round the starts, of a quarter of their size, which leave most minima out."""
    optimize = pytest.importorskip("scipy.optimize")
    problem = SQUARES[name]
    start = np.asarray(problem.start, float)
    side = 0.25 * np.abs(start) + 0.1
    bounds = np.stack([start - side, start + side], 1)
    with np.errstate(all="ignore"):
        peer = optimize.minimize(
            problem.squares,
            start,
            jac=problem.gradient,
            method="L-BFGS-B",
            bounds=bounds,
            options={"ftol": 0.0, "gtol": 1e-7, "maxiter": 10000, "maxfun": 20000, "maxls": 50},
        )
        found = minimize(
            problem.squares,
            start,
            jac=problem.gradient,
            hess="3-point" if method in NEED_HESSIAN else None,
            method=method,
            bounds=bounds,
            options={"gtol": 1e-6, "maxiter": 3000},
        )
    assert found.status is Status.GRADIENT
    assert found.fun == pytest.approx(peer.fun, rel=1e-8, abs=1e-8)


@pytest.mark.parametrize("method", [name for name in BOUNDED if name != "dfp"])
def test_infinite_bounds_change_nothing(method: str) -> None:
    """But for roundings, which DFP multiplies."""
    options = {"maxiter": 20}
    hess = rosenbrock_hessian if method in NEED_HESSIAN else None
    x0 = rosenbrock_start(4) + 0.1 * np.arange(4)
    without, within = (
        minimize(rosenbrock, x0, jac=True, hess=hess, method=method, bounds=bounds, options=options)
        for bounds in (None, [(None, None)] * 4)
    )
    np.testing.assert_allclose(within.x, without.x, rtol=1e-5)
    assert (within.nit, within.nfev) == (without.nit, without.nfev)


@methods
@pytest.mark.parametrize("jac", [None, "2-point", "3-point", "function"])
@pytest.mark.parametrize("hess", ["2-point", "3-point", None, "function"])
def test_no_function_is_called_outside(method: str, jac: str | None, hess: str | None) -> None:
    """At bounds on all sides, where differences have no room ahead; one variable is fixed."""
    if method not in NEED_HESSIAN and hess is not None:
        pytest.skip("it has no use of one")
    if method in WITH_MATRIX and hess is None:
        pytest.skip("it needs one")
    if method in NEED_HESSIAN and jac != "function" and hess != "function":
        pytest.skip("differences of differences")
    low, high = np.array([-1.5, -0.5, 0.3, -1.2]), np.array([0.6, 2.0, 0.3, 0.1])
    second = {"function": Guarded(rosenbrock_hessian, low, high)}
    value = Guarded(lambda x: rosenbrock(x)[0], low, high)
    gradient = {"function": Guarded(lambda x: rosenbrock(x)[1], low, high)}
    found = minimize(
        value,
        [3.0, -3.0, 3.0, -3.0],
        jac=gradient.get(jac, jac),  # type: ignore[arg-type,call-overload]
        hess=second.get(hess, hess),  # type: ignore[arg-type,call-overload]
        method=method,
        bounds=np.stack([low, high], 1),
        options={"gtol": 1e-4},
    )
    assert found.success
    np.testing.assert_allclose(found.x, [0.6, 0.36, 0.3, 0.09], atol=1e-3)


@methods
def test_all_variables_fixed(method: str) -> None:
    hess = rosenbrock_hessian if method in NEED_HESSIAN else None
    found = minimize(rosenbrock, [0.0, 0.0], jac=True, hess=hess, method=method, bounds=[(0.5, 0.5), (2, 2)])
    assert found.success
    assert (found.nit, found.nfev) == (0, 1)
    np.testing.assert_array_equal(found.x, [0.5, 2])


@methods
def test_a_saddle_in_a_box(method: str) -> None:
    """x^2 / 2 - y^2 / 2 in a box: the minima are where y is at a bound, and the model has no minimizer without one."""

    def fun(x: Any) -> tuple[float, Any]:
        return (x[0] ** 2 - x[1] ** 2) / 2, np.array([x[0], -x[1]])

    hess = (lambda x: np.diag([1.0, -1.0])) if method in NEED_HESSIAN else None
    found = minimize(fun, [1.0, 0.1], jac=True, hess=hess, method=method, bounds=[(-2, 2), (-3, 5)])
    assert found.status is Status.GRADIENT
    np.testing.assert_allclose(found.x, [0, 5], atol=1e-5)


@methods
@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_the_scale_of_the_objective_hardly_matters(method: str, scale: float) -> None:
    """The tolerance is of a projected step, as SciPy's: it does not scale."""
    problem = PROBLEMS[5]
    hess = (lambda x: scale * problem.hess(x)) if method in NEED_HESSIAN else None

    def fun(x: Any) -> tuple[float, Any]:
        value, g = problem.fun(x)
        return scale * value, scale * g

    options = {"gtol": 1e-6 * scale}
    found = minimize(fun, problem.start, jac=True, hess=hess, method=method, bounds=problem.bounds, options=options)
    assert found.nit <= 20
    if scale < 1:
        assert found.fun / scale == pytest.approx(problem.least, rel=1e-8)


def test_the_first_inverse_hessian_is_taken(rng: np.random.Generator) -> None:
    """With that of the quadratic, the first step leads into the minimum."""
    quadratic = Quadratic([1.0, 3.0, 10.0])
    options = {"hess_inv0": np.linalg.inv(quadratic.a), "gtol": 1e-10}
    found = minimize(quadratic, np.zeros(3), jac=True, method="bfgs", bounds=[(-50, 50)] * 3, options=options)
    assert found.nit == 1
    np.testing.assert_allclose(found.hess_inv @ quadratic.a, np.eye(3), atol=1e-10)


@pytest.mark.parametrize("method", WITHOUT_BOUNDS)
def test_the_others_refuse_bounds(method: str) -> None:
    with pytest.raises(ValueError, match=f"{method}.*bounds.*lbfgs"):
        minimize(rosenbrock, [0.0, 0.0], jac=True, method=method, bounds=[(0, 1)] * 2)


def test_a_point_that_rounding_keeps_off_a_bound_is_put_on_it() -> None:
    x, bound = 0.1, 0.3
    trial = np.array([x + 0.1 + 0.1, 5.0, -1.0])
    assert trial[0] != bound
    place(trial, np.full(3, x), np.array([-1.0, -1.0, 0.0]), np.array([bound, 4.0, 1.0]))
    np.testing.assert_array_equal(trial, [bound, 4.0, 0.0])


def test_the_room_along_a_way() -> None:
    lower, upper = np.array([-1.0, -math.inf, 0.0]), np.array([math.inf, 2.0, 0.0])
    assert room(np.zeros(3), np.array([-2.0, 1.0, 0.0]), lower, upper) == 0.5
    assert room(np.zeros(3), np.array([2.0, -1.0, 0.0]), lower, upper) == math.inf


@pytest.mark.parametrize("seed", range(10))
def test_the_step_solves_a_convex_model(seed: int) -> None:
    """Steps one after the other, each from where the last one led, end at a stationary point of the model."""
    quadratic = Quadratic(np.logspace(0, 3, 8), seed)
    limits = np.full(8, -0.02), np.full(8, 0.03)
    x = np.zeros(8)
    for _ in range(20):
        g = quadratic(x)[1]
        z, r = step_within(quadratic.a, x, g, limits, lambda h, g, squared, radius: newtons(h, g))
        np.testing.assert_allclose(r, g + quadratic.a @ z, atol=1e-10)
        assert quadratic(x + z)[0] <= quadratic(x)[0] + 1e-15
        x = np.clip(x + z, *limits)
    assert np.abs(projected_step(x, quadratic(x)[1], *limits)).max() < 1e-12
