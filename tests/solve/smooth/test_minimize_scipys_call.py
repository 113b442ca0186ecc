"""Does a call for SciPy do the same here, position by position and option by option?"""

from __future__ import annotations

import inspect
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from smooth_functions import Quadratic, rosenbrock, rosenbrock_hessian, rosenbrock_start

from onepass.solve import Status, minimize


def value(x: Any) -> float:
    return rosenbrock(x)[0]


def gradient(x: Any) -> Any:
    return rosenbrock(x)[1]


def test_the_parameters_are_scipys() -> None:
    optimize = pytest.importorskip("scipy.optimize")
    assert list(inspect.signature(minimize).parameters) == list(inspect.signature(optimize.minimize).parameters)


def test_by_position() -> None:
    x0, seen = rosenbrock_start(2), []
    found = minimize(
        *(value, x0, (), "newton-cg", gradient, rosenbrock_hessian, None, None, (), 1e-7, seen.append, {"maxiter": 3})
    )
    assert (found.nit, len(seen)) == (3, 3)


@pytest.mark.parametrize("args", [3.0, np.float64(3), np.array([3.0, 3.0]), (3.0,), [3.0, 3.0]], ids=repr)
def test_args(args: Any) -> None:
    found = minimize(lambda x, c: float(((x - np.asarray(c)) ** 2).sum()), [0.0, 0.0], args)
    np.testing.assert_allclose(found.x, 3, atol=1e-4)


def test_what_is_none_is_the_default() -> None:
    options = dict.fromkeys(("gtol", "ftol", "maxiter", "maxfun", "maxcor", "maxls", "eps", "finite_diff_rel_step"))
    found = minimize(
        value, rosenbrock_start(2), None or (), None, gradient, None, None, None, None, None, None, options
    )
    same = minimize(value, rosenbrock_start(2), jac=gradient)
    np.testing.assert_array_equal(found.x, same.x)
    assert minimize(value, rosenbrock_start(2), jac=False, options={"disp": 0}).success


def test_scipys_bounds() -> None:
    optimize = pytest.importorskip("scipy.optimize")
    for bounds in (
        optimize.Bounds([-2, -2], [0.5, 2]),
        optimize.Bounds(-2, 0.5),
        [(-2, 0.5)] * 2,
        np.array([[-2, 0.5]] * 2),
    ):
        found = minimize(value, rosenbrock_start(2), jac=gradient, bounds=bounds)
        np.testing.assert_allclose(found.x, [0.5, 0.25], atol=1e-6)


@pytest.mark.parametrize("method", ["bfgs", "cg", "lbfgs", "newton-cg", "trust-ncg"])
def test_no_iterations(method: str) -> None:
    found = minimize(value, rosenbrock_start(2), method=method, jac=gradient, options={"maxiter": 0})
    assert found.status is Status.MAX_ITERATIONS
    assert (found.nit, found.nfev) == (0, 1)
    np.testing.assert_array_equal(found.x, rosenbrock_start(2))


@pytest.mark.parametrize("method", ["bfgs", "cg", "lbfgs", "newton-cg", "trust-ncg", "gd"])
def test_all_points(method: str) -> None:
    seen = [rosenbrock_start(2)]
    options = {"return_all": True, "maxiter": 5}
    found = minimize(value, seen[0], method=method, jac=gradient, callback=seen.append, options=options)
    np.testing.assert_array_equal(found.allvecs, seen)
    assert "allvecs" not in minimize(value, seen[0], method=method, jac=gradient, options={"maxiter": 5})


def test_the_first_inverse_hessian() -> None:
    """With the exact one, the first step of BFGS is Newton's."""
    quadratic = Quadratic([1.0, 4.0, 90.0])
    inverse = np.linalg.inv(quadratic.a)
    kept = inverse.copy()
    found = minimize(quadratic, np.zeros(3), jac=True, method="BFGS", options={"hess_inv0": inverse, "gtol": 1e-9})
    assert (found.nit, found.nfev) == (1, 2)
    np.testing.assert_array_equal(inverse, kept)


@pytest.mark.parametrize("bounds", [None, [(-9, 9)] * 4])
@pytest.mark.parametrize("maxcor", [3, 20])
def test_the_inverse_hessian_of_lbfgs(bounds: Any, maxcor: int) -> None:
    """By BFGS's formula from the steps and the gradients' changes, in dense matrices."""
    quadratic = Quadratic([1.0, 2.0, 5.0, 20.0])
    options = {"maxcor": maxcor, "return_all": True, "gtol": 1e-6, "ftol": 0.0}
    found = minimize(quadratic, np.ones(4), jac=True, bounds=bounds, options=options)
    h = found.hess_inv
    assert h.shape == (4, 4)
    steps = np.diff(found.allvecs, axis=0)
    # Without bounds the last pair comes with a direction that was not needed any more.
    pairs = [(s, quadratic.a @ s) for s in (steps if bounds else steps[:-1])][-maxcor:]
    s, y = pairs[-1]
    expected = np.eye(4) * (s @ y) / (y @ y)
    for s, y in pairs:
        v = np.eye(4) - np.outer(s, y) / (s @ y)
        expected = v @ expected @ v.T + np.outer(s, s) / (s @ y)
    np.testing.assert_allclose(h.todense(), expected, rtol=1e-6, atol=1e-6)
    vector = np.arange(4.0)
    for product in (h @ vector, h.dot(vector), h.matvec(vector), h(vector)):
        np.testing.assert_allclose(product, expected @ vector, rtol=1e-6, atol=1e-6)
    with pytest.raises(ValueError, match=r"\(4, 4\) does not multiply with one of \(3,\)"):
        h @ np.ones(3)
    assert "4" in repr(h)


@pytest.mark.parametrize("method", ["newton", "newton-cg", "trust-ncg"])
@pytest.mark.parametrize("scheme", ["2-point", "3-point", "cs"])
def test_a_hessian_by_differences(method: str, scheme: str) -> None:
    def complex_gradient(x: Any) -> Any:
        a, b = x
        return np.array([-400 * a * (b - a * a) - 2 * (1 - a), 200 * (b - a * a)])

    found = minimize(value, rosenbrock_start(2), method=method, jac=complex_gradient, hess=scheme)
    same = minimize(value, rosenbrock_start(2), method=method, jac=gradient, hess=rosenbrock_hessian)
    assert found.success
    np.testing.assert_allclose(found.x, same.x, atol=1e-4)


def test_hessians_that_multiply_and_that_are_updated() -> None:
    """Sparse matrices, operators and quasi-Newton updates of SciPy's."""
    sparse = pytest.importorskip("scipy.sparse")
    optimize = pytest.importorskip("scipy.optimize")
    operator = sparse.linalg.aslinearoperator
    x0 = rosenbrock_start(4)
    for method in ("newton", "newton-cg", "trust-ncg"):
        dense = minimize(rosenbrock, x0, jac=True, hess=rosenbrock_hessian, method=method)
        for kind in (sparse.csr_array, sparse.csc_matrix, operator):
            found = minimize(rosenbrock, x0, jac=True, hess=lambda x, k=kind: k(rosenbrock_hessian(x)), method=method)
            assert (found.nit, found.nhev) == (dense.nit, dense.nhev)
            np.testing.assert_allclose(found.x, dense.x, rtol=1e-9)
        updated = minimize(rosenbrock, x0, jac=True, hess=optimize.BFGS(), method=method)
        assert updated.success
        np.testing.assert_allclose(updated.x, 1, atol=1e-3)
    with pytest.raises(ValueError, match="what hess returns must have the shape"):
        minimize(rosenbrock, x0, jac=True, hess=lambda x: sparse.eye_array(3), method="newton-cg")


def test_tolerances_of_steps_and_other_norms() -> None:
    x0 = rosenbrock_start(2)
    assert minimize(rosenbrock, x0, jac=True, method="bfgs", options={"xrtol": 1e-2}).status is Status.STEP
    assert minimize(rosenbrock, x0, jac=True, method="newton-cg", options={"xtol": 1e-2}).status is Status.STEP
    for norm in (1, 2, np.inf):
        found = minimize(rosenbrock, x0, jac=True, method="cg", options={"norm": norm, "gtol": 1e-3})
        assert np.linalg.norm(found.jac, norm) <= 1e-3 < np.linalg.norm(rosenbrock(x0)[1], norm)


def test_a_gradient_of_one_variable_may_be_a_number() -> None:
    found = minimize(
        lambda x: np.cos(x[0]), [3.0], jac=lambda x: -np.sin(x[0]), hess=lambda x: -np.cos(x[0]), method="newton"
    )
    assert found.x == pytest.approx(np.pi)


@pytest.mark.parametrize("scale", [2.0**-166, 2.0**-300, 2.0**100])
@pytest.mark.parametrize("method", ["bfgs", "cg", "lbfgs", "dfp", "newton"])
def test_the_scale_of_the_objective_does_not_matter(method: str, scale: float) -> None:
    """A scale of 1e-50 left bfgs and cg where they began."""
    x0, tolerance = rosenbrock_start(2), {"ftol": 0.0} if method == "lbfgs" else {}

    def scaled(x: Any) -> tuple[float, Any]:
        f, g = rosenbrock(x)
        return f * scale, g * scale

    found = minimize(
        scaled,
        x0,
        jac=True,
        hess=lambda x: scale * rosenbrock_hessian(x),
        method=method,
        options={"gtol": 1e-5 * scale} | tolerance,
    )
    plain = minimize(
        rosenbrock, x0, jac=True, hess=rosenbrock_hessian, method=method, options={"gtol": 1e-5} | tolerance
    )
    assert found.status is Status.GRADIENT
    np.testing.assert_allclose(found.x, 1, atol=1e-4)
    assert found.nfev <= 1.3 * plain.nfev
    if method != "bfgs" and scale > 1e-60:  # its identity has a scale, and squares of less have no room
        np.testing.assert_array_equal(found.x, plain.x)


METHODS_WITH_HESS = ("newton", "newton-cg", "trust-ncg", "bfgs", "lbfgs")


@pytest.mark.parametrize("method", METHODS_WITH_HESS)
@pytest.mark.parametrize(
    ("diagonal", "told"),
    [
        ([1.0, 2.0], Status.GRADIENT),
        ([1.0, -2.0], Status.SADDLE),
        ([-1.0, -2.0], Status.SADDLE),
        ([1.0, 0.0], Status.STATIONARY),
    ],
    ids=str,
)
def test_a_start_without_gradient(method: str, diagonal: list[float], told: Status) -> None:
    h = np.diag(diagonal)
    more: Any = {"method": method, "jac": True}
    known = minimize(lambda x: (float(x @ h @ x / 2), h @ x), np.zeros(2), hess=lambda x: h, **more)
    assert known.status is told
    assert known.success == (told is not Status.SADDLE)
    assert (known.nit, known.nfev) == (0, 1)
    if method != "newton":
        assert minimize(lambda x: (float(x @ h @ x / 2), h @ x), np.zeros(2), **more).status is Status.STATIONARY


def test_bounds_do_not_need_scipy() -> None:
    box = SimpleNamespace(lb=np.array([-1.0, -1.0]), ub=[0.5, 0.5], keep_feasible=True)
    assert (minimize(rosenbrock, [0.0, 0.0], jac=True, bounds=box).x <= 0.5).all()
