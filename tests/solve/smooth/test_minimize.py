"""Does every method find the minimum, in as many steps as theory says, and tell why it stopped?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from smooth_functions import Quadratic, rosenbrock, rosenbrock_hessian, rosenbrock_start

from onepass.solve import OptimizeResult, Status, minimize
from onepass.solve.smooth.bounded_directions import BoundedQuasiNewton
from onepass.solve.smooth.conjugate_gradient import BETAS
from onepass.solve.smooth.descent import Move
from onepass.solve.smooth.methods import METHODS, WITH_MATRIX, WITH_PRODUCTS
from onepass.solve.smooth.newton import modification
from onepass.solve.smooth.quasi_newton import QuasiNewton

methods = pytest.mark.parametrize("method", METHODS)
NEED_HESSIAN = (*WITH_MATRIX, *WITH_PRODUCTS)


def solve(method: str, fun: Any, x0: Any, hess: Any, **options: Any) -> OptimizeResult:
    if method == "lbfgs":
        options.setdefault("ftol", 0.0)
    return minimize(fun, x0, jac=True, method=method, hess=hess if method in NEED_HESSIAN else None, options=options)


@methods
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rosenbrock(method: str, dtype: type) -> None:
    if method == "gd" and dtype == np.float32:
        pytest.skip("thousands of steps along a valley whose floor is below float32's rounding")
    x0 = rosenbrock_start(2, dtype)
    before = x0.copy()
    result = solve(method, rosenbrock, x0, rosenbrock_hessian, maxiter=5000)
    assert result.status is Status.GRADIENT
    assert result.success
    assert result.x.dtype == result.jac.dtype == dtype
    np.testing.assert_allclose(result.x, 1, atol=1e-3 if dtype == np.float64 else 2e-2)
    np.testing.assert_array_equal(x0, before)
    value, gradient = rosenbrock(result.x)
    assert result.fun == value
    np.testing.assert_array_equal(result.jac, gradient)
    assert np.abs(result.jac).max() <= (1e-5 if dtype == np.float64 else 1e-3)


@methods
def test_convex_quadratic(method: str) -> None:
    quadratic = Quadratic(np.linspace(1, 30, 12))
    result = solve(method, quadratic, np.zeros(12), quadratic.hessian, gtol=1e-9)
    assert result.success
    np.testing.assert_allclose(result.x, quadratic.solution, atol=1e-8)


@pytest.mark.parametrize("beta", BETAS)
def test_cg_takes_n_steps(beta: str) -> None:
    """With exact line searches all formulas are one, and there are as many steps as distinct eigenvalues."""
    quadratic = Quadratic(np.repeat([1.0, 3.0, 10.0, 20.0], 5))
    result = minimize(
        quadratic, np.zeros(20), jac=True, method="cg", options={"beta": beta, "c1": 1e-10, "c2": 1e-9, "gtol": 1e-7}
    )
    assert result.success
    assert result.nit == 4


@pytest.mark.parametrize("method", ["bfgs", "dfp", "lbfgs"])
def test_quasi_newton_takes_n_steps(method: str) -> None:
    """With exact line searches they are conjugate gradients (Nocedal and Wright 2006, theorem 6.4)."""
    quadratic = Quadratic(np.repeat([1.0, 3.0, 10.0, 20.0], 5))
    options = {"c1": 1e-10, "c2": 1e-9, "gtol": 1e-7}
    result = minimize(quadratic, np.zeros(20), jac=True, method=method, options=options)
    assert result.success
    assert result.nit == 4


@pytest.mark.parametrize("method", ["bfgs", "dfp"])
@pytest.mark.parametrize("bounded", [False, True], ids=["free", "no bound near"])
def test_the_inverse_hessian_is_learned(method: str, bounded: bool) -> None:
    """In n exact steps on a quadratic; the product of the last update comes with the next gradient, hence one more."""
    quadratic = Quadratic([1.0, 2.0, 5.0, 9.0])
    float64, far = np.dtype(np.float64), np.full(4, 50.0)
    rule = BoundedQuasiNewton(4, float64, method, None, (-far, far)) if bounded else QuasiNewton(4, float64, method)
    x = np.zeros(4)
    g = quadratic(x)[1]
    d, slope = rule.start(x, g, float(g @ g))
    for _ in range(4):
        step = -slope / (d @ quadratic.a @ d)
        x = x + step * d
        new_g = quadratic(x)[1]
        d, slope, _ = rule.next(Move(step, d.copy(), slope, float(d @ new_g), 0.0, g.copy(), new_g, x))
        g = new_g
    np.testing.assert_allclose(rule.extras()["hess_inv"] @ quadratic.a, np.eye(4), atol=1e-6)


@pytest.mark.parametrize("method", ["newton", "newton-cg"])
def test_newton_takes_one_step(method: str) -> None:
    quadratic = Quadratic([1.0, 2.0, 5.0, 9.0])
    x0 = np.zeros(4) if method == "newton" else quadratic.solution - quadratic.a[:, 0] * 1e-3
    result = solve(method, quadratic, x0, quadratic.hessian, gtol=1e-8)
    assert result.nit == 1 if method == "newton" else result.nit <= 3


@pytest.mark.parametrize("method", ["trust-ncg", "trust-exact", "trust-krylov"])
def test_trust_region_keeps_its_radius(method: str) -> None:
    seen = [np.zeros(4)]
    quadratic = Quadratic([1.0, 2.0, 5.0, 9.0])
    minimize(
        quadratic,
        seen[0],
        jac=True,
        hess=quadratic.hessian,
        method=method,
        callback=seen.append,
        options={"initial_trust_radius": 0.01, "max_trust_radius": 0.02},
    )
    lengths = np.linalg.norm(np.diff(seen, axis=0), axis=1)
    assert lengths[0] == pytest.approx(0.01)
    assert lengths.max() == pytest.approx(0.02)


@pytest.mark.parametrize("beta", BETAS)
@pytest.mark.parametrize("size", [2, 10, 100])
def test_each_beta(beta: str, size: int) -> None:
    result = minimize(rosenbrock, rosenbrock_start(size), jac=True, method="cg", options={"beta": beta})
    assert result.success
    np.testing.assert_allclose(result.x, 1, atol=1e-4)


@pytest.mark.parametrize("method", METHODS)
def test_saddle_points_are_left(method: str) -> None:
    """x^4/4 - x^2/2 + y^2/2 is indefinite at the start; the minima are at (+-1, 0)."""

    def fun(x: Any) -> tuple[float, Any]:
        return x[0] ** 4 / 4 - x[0] ** 2 / 2 + x[1] ** 2 / 2, np.array([x[0] ** 3 - x[0], x[1]])

    result = solve(method, fun, np.array([0.01, 1.0]), lambda x: np.diag([3 * x[0] ** 2 - 1, 1.0]))
    assert result.success
    np.testing.assert_allclose(np.abs(result.x), [1, 0], atol=1e-4)


@pytest.mark.parametrize(
    "h",
    [
        np.diag([1.0, -1.0, 2.0]),
        np.zeros((3, 3)),
        np.ones((3, 3)),
        np.array([[1.0, 1.0, 2.0], [1.0, 1.0, 3.0], [2.0, 3.0, 1.0]]),
    ],
    ids=["indefinite", "zero", "rank one", "Gill, Murray and Wright's"],
)
def test_the_modified_matrix_is_positive_definite(h: Any) -> None:
    added = modification(h)
    assert (added >= 0).all()
    assert np.linalg.eigvalsh(h + np.diag(added)).min() > 0
    assert added.max() < 10


def test_a_positive_definite_matrix_is_not_modified() -> None:
    quadratic = Quadratic([1.0, 2.0, 3.0])
    np.testing.assert_allclose(modification(quadratic.a), 0, atol=1e-14)


@methods
def test_without_a_gradient(method: str) -> None:
    quadratic = Quadratic([1.0, 2.0, 3.0])
    calls = 0

    def value(x: Any) -> float:
        nonlocal calls
        calls += 1
        return quadratic(x)[0]

    for scheme, tolerance in (("2-point", 1e-4), ("3-point", 1e-6)):
        calls = 0
        hess = quadratic.hessian if method in NEED_HESSIAN else None
        options = {"gtol": tolerance}
        result = minimize(value, np.zeros(3), jac=scheme, hess=hess, method=method, options=options)
        assert result.status in (Status.GRADIENT, Status.VALUE)
        np.testing.assert_allclose(result.x, quadratic.solution, atol=10 * tolerance)
        assert result.nfev == calls
        assert 0 < result.njev < result.nfev


@pytest.mark.parametrize("method", WITH_PRODUCTS)
def test_products_with_the_hessian(method: str) -> None:
    """From hess, from hessp and from differences of gradients: the same path, the calls counted."""
    x0 = rosenbrock_start(6)
    products = gradients = 0

    def hessp(x: Any, p: Any) -> Any:
        nonlocal products
        products += 1
        return rosenbrock_hessian(x) @ p

    def jac(x: Any) -> Any:
        nonlocal gradients
        gradients += 1
        return rosenbrock(x)[1]

    def value(x: Any) -> float:
        return rosenbrock(x)[0]

    by_matrix = minimize(value, x0, jac=jac, hess=rosenbrock_hessian, method=method)
    by_product = minimize(value, x0, jac=jac, hessp=hessp, method=method)
    assert by_product.nhev == products
    np.testing.assert_allclose(by_product.x, by_matrix.x, rtol=1e-9)
    gradients = 0
    by_differences = minimize(value, x0, jac=jac, method=method)
    assert by_differences.njev == gradients
    assert by_differences.success
    np.testing.assert_allclose(by_differences.x, 1, atol=1e-4)


@methods
def test_budgets(method: str) -> None:
    for options, status in (({"maxiter": 3}, Status.MAX_ITERATIONS), ({"maxfun": 4}, Status.MAX_EVALUATIONS)):
        result = solve(method, rosenbrock, rosenbrock_start(2), rosenbrock_hessian, **options)
        assert result.status is status
        assert not result.success
        assert result.nit == 3 if "maxiter" in options else result.nfev <= 4
        assert result.fun <= rosenbrock(rosenbrock_start(2))[0]
        assert result.fun == rosenbrock(result.x)[0]


def test_budget_of_differences() -> None:
    result = minimize(lambda x: rosenbrock(x)[0], rosenbrock_start(4), options={"maxfun": 33})
    assert result.status is Status.MAX_EVALUATIONS
    assert result.nfev <= 33


def test_tolerance_of_the_value() -> None:
    tight = minimize(rosenbrock, rosenbrock_start(2), jac=True, options={"gtol": 0.0, "ftol": 1e-3})
    assert tight.status is Status.VALUE
    assert minimize(rosenbrock, rosenbrock_start(2), jac=True, tol=1e-3).nit <= tight.nit


@methods
def test_a_start_that_is_a_minimum(method: str) -> None:
    """Only a Hessian can tell that it is one."""
    result = solve(method, rosenbrock, np.ones(2), rosenbrock_hessian)
    assert result.status is (Status.GRADIENT if method in NEED_HESSIAN else Status.STATIONARY)
    assert result.success
    assert (result.nit, result.nfev) == (0, 1)


@methods
def test_callbacks(method: str) -> None:
    points: list[Any] = []
    results: list[OptimizeResult] = []

    def with_result(intermediate_result: OptimizeResult) -> None:
        results.append(intermediate_result)

    def stop(x: Any) -> None:
        points.append(x)
        if len(points) == 3:
            raise StopIteration

    stopped = minimize(rosenbrock, rosenbrock_start(2), jac=True, hess=rosenbrock_hessian, method=method, callback=stop)
    assert stopped.status is Status.CALLBACK
    assert stopped.nit == len(points) == 3
    np.testing.assert_array_equal(stopped.x, points[-1])
    options = {"maxiter": 3}
    minimize(
        rosenbrock,
        rosenbrock_start(2),
        jac=True,
        hess=rosenbrock_hessian,
        method=method,
        callback=with_result,
        options=options,
    )
    assert [result.nit for result in results] == [1, 2, 3]
    for point, result in zip(points, results, strict=True):
        np.testing.assert_array_equal(point, result.x)
        assert result.fun == rosenbrock(point)[0]


def test_arguments_and_scipys_names() -> None:
    def fun(x: Any, shift: float, scale: float) -> float:
        return float(scale * ((x - shift) ** 2).sum())

    def jac(x: Any, shift: float, scale: float) -> Any:
        return 2 * scale * (x - shift)

    for method in ("L-BFGS-B", "BFGS", "CG", "Newton-CG"):
        result = minimize(fun, [0, 0], args=(3.0, 2.0), jac=jac, method=method)
        np.testing.assert_allclose(result.x, 3, atol=1e-5)
        assert result.x.dtype == np.float64


def test_it_prints_its_result(capsys: pytest.CaptureFixture[str]) -> None:
    minimize(rosenbrock, np.ones(2), jac=True, options={"disp": True})
    assert "the gradient is zero at the start" in capsys.readouterr().out
