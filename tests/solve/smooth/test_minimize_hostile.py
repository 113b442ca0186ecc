"""Does bad input end in an error that names it or in a status, and leave the user's arrays alone?"""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from smooth_functions import rosenbrock, rosenbrock_hessian, rosenbrock_start

from onepass.solve import Status, minimize
from onepass.solve.smooth.methods import METHODS

methods = pytest.mark.parametrize("method", METHODS)


def call(method: str, fun: Any, x0: Any, **more: Any) -> Any:
    more.setdefault("jac", True)
    return minimize(fun, x0, method=method, hess=rosenbrock_hessian, **more)


@methods
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_not_finite_at_the_start(method: str, bad: float) -> None:
    for value, gradient in ((bad, [1.0, 1.0]), (1.0, [bad, 1.0])):
        result = call(method, lambda x, v=value, g=gradient: (v, np.array(g)), np.ones(2))
        assert result.status is Status.NONFINITE_START
        assert not result.success
        assert result.nfev == 1
        np.testing.assert_array_equal(result.x, 1)


@methods
@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_not_finite_on_the_way(method: str, bad: float) -> None:
    """A barrier: x - log(x) in both coordinates, with nothing finite where x <= 0; full steps from 3.9 lead there."""

    def fun(x: Any) -> tuple[float, Any]:
        if (x <= 0).any():
            return bad, np.full(2, bad)
        return float((x - np.log(x)).sum()), 1 - 1 / x

    x0 = np.array([3.9, 0.01])
    more: dict[str, Any] = {"options": {"maxiter": 2000}}
    result = minimize(fun, x0, jac=True, hess=lambda x: np.diag(1 / x**2), method=method, **more)
    assert result.success
    np.testing.assert_allclose(result.x, 1, atol=1e-3)


@methods
def test_nothing_but_the_start_is_finite(method: str) -> None:
    def fun(x: Any) -> tuple[float, Any]:
        return (0.0, np.ones(2)) if (x == 0).all() else (math.nan, np.ones(2))

    result = call(method, fun, np.zeros(2), options={"maxiter": 1000})
    assert not result.success
    assert result.status in (Status.NO_DECREASE, Status.MAX_EVALUATIONS)
    assert result.nfev < 200 or method.startswith("trust-")
    np.testing.assert_array_equal(result.x, 0)


@methods
def test_the_gradient_points_the_wrong_way(method: str) -> None:
    result = call(method, lambda x: (rosenbrock(x)[0], -rosenbrock(x)[1]), rosenbrock_start(2), options={"maxiter": 50})
    assert not result.success
    assert result.fun <= rosenbrock(rosenbrock_start(2))[0] * (1 + 1e-12)


@methods
def test_unbounded_below(method: str) -> None:
    result = minimize(
        lambda x: (-float(x.sum()), -np.ones(2)),
        np.zeros(2),
        jac=True,
        hess=lambda x: np.zeros((2, 2)),
        method=method,
        options={"maxiter": 50},
    )
    assert not result.success
    assert np.isfinite(result.x).all()
    assert result.fun < -10


@methods
@pytest.mark.parametrize("h", [np.full((2, 2), np.nan), np.zeros((2, 2)), -np.eye(2)], ids=["nan", "zero", "negative"])
def test_the_hessian_is_wrong(method: str, h: Any) -> None:
    result = minimize(lambda x: (float(x @ x), 2 * x), np.array([1.0, 2.0]), jac=True, hess=lambda x: h, method=method)
    trusting = method.startswith("trust-")
    assert result.success or (trusting and result.status in (Status.NO_DECREASE, Status.NONFINITE_START))


@methods
def test_the_hessian_is_singular(method: str) -> None:
    """(x + y)^2 / 2 has a line of minima."""
    result = minimize(
        lambda x: (float(x.sum() ** 2 / 2), np.full(2, x.sum())),
        np.array([1.0, 2.0]),
        jac=True,
        hess=lambda x: np.ones((2, 2)),
        method=method,
    )
    assert result.success
    assert np.abs(result.x).max() < 10


@methods
def test_the_gradient_is_the_point_itself(method: str) -> None:
    """f = x.x / 2, and jac hands back its argument or one buffer for ever."""
    buffer = np.empty(3)

    def own_buffer(x: Any) -> Any:
        buffer[...] = x
        return buffer

    for jac in (lambda x: x, own_buffer):
        result = minimize(
            lambda x: float(x @ x / 2), np.arange(3.0) + 1, jac=jac, hess=lambda x: np.eye(3), method=method
        )
        assert result.success
        np.testing.assert_allclose(result.x, 0, atol=1e-5)
        assert not np.shares_memory(result.jac, buffer)
        assert not np.shares_memory(result.jac, result.x)


@methods
def test_the_point_is_the_functions_own(method: str) -> None:
    """They may change it, and what they keep stays as it was."""
    kept: list[tuple[Any, Any]] = []

    def spoiling(function: Any) -> Any:
        def spoilt(x: Any, *p: Any) -> Any:
            kept.append((x, x.copy()))
            returned = function(x.copy(), *p)
            if len(kept) % 2:
                x[...] = kept[-1][1][...] = np.nan
            return returned

        return spoilt

    hess = spoiling(rosenbrock_hessian)
    for fun, jac in ((rosenbrock, True), (lambda x: rosenbrock(x)[0], lambda x: rosenbrock(x)[1])):
        kept.clear()
        gradient = jac if jac is True else spoiling(jac)
        options = {"maxiter": 10}
        found = minimize(spoiling(fun), [-1.2, 1.0], jac=gradient, hess=hess, method=method, options=options)
        same = minimize(fun, [-1.2, 1.0], jac=jac, hess=rosenbrock_hessian, method=method, options=options)
        np.testing.assert_array_equal(found.x, same.x)
        assert len({id(x) for x, _ in kept}) == len(kept)
        for x, before in kept:
            np.testing.assert_array_equal(x, before)


@methods
@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError("mine")])
def test_exceptions_pass_through(method: str, error: Any) -> None:
    x0 = rosenbrock_start(2)
    calls = 0

    def raising(*_: Any) -> tuple[float, Any]:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise error
        return rosenbrock(x0)

    for more in ({"fun": raising}, {"fun": rosenbrock, "callback": raising}):
        calls = 0
        with pytest.raises(type(error) if isinstance(error, Exception) else error) as caught:
            call(method, more.pop("fun"), x0, **more)
        assert caught.value is error or error is KeyboardInterrupt
        np.testing.assert_array_equal(x0, rosenbrock_start(2))


@methods
def test_a_function_may_minimize(method: str) -> None:
    """The objective of an outer problem is the minimum of an inner one."""

    def outer(y: Any) -> tuple[float, Any]:
        inner = minimize(lambda x: (float((x - y) @ (x - y)), 2 * (x - y)), np.zeros(2), jac=True, method="bfgs")
        np.testing.assert_allclose(inner.x, y, atol=1e-5)
        return rosenbrock(y)

    assert call(method, outer, rosenbrock_start(2), options={"maxiter": 5}).nit == 5


BAD_RETURNS = [
    (lambda x: np.ones(2), True, "jac=True", ValueError | TypeError),
    (lambda x: 1.0, True, "jac=True", TypeError),
    (lambda x: (np.ones(2), x), True, "one number", ValueError),
    (lambda x: ("1", x), True, "real number", TypeError),
    (lambda x: (1j, x), True, "real number", TypeError),
    (lambda x: (None, x), True, "real number", TypeError),
    (lambda x: (1.0, np.ones(3)), True, "shape", ValueError),
    (lambda x: (1.0, np.ones((2, 1))), True, "shape", ValueError),
    (lambda x: (1.0, np.ones(2, complex)), True, "real", TypeError),
    (lambda x: (1.0, None), True, "real", TypeError),
    (lambda x: 1.0, lambda x: np.ones(3), "jac", ValueError),
    (lambda x: 1.0, lambda x: "no", "jac", TypeError),
    (lambda x: np.ones(2), None, "one number", ValueError),
    (lambda x: 1.0, lambda x: np.ma.masked_array(x, [True, False]), "what jac returns must not be masked", TypeError),
    (lambda x: (1.0, np.ma.masked_array(x)), True, "gradient that fun returns must not be masked", TypeError),
    (lambda x: np.ma.masked_array(1.0), None, "what fun returns must not be masked", TypeError),
    (lambda x: abs(x).sum(), "cs", "fun must return a complex number", TypeError),
]


@pytest.mark.parametrize(("fun", "jac", "match", "kind"), BAD_RETURNS)
def test_what_functions_return(fun: Any, jac: Any, match: str, kind: Any) -> None:
    kinds = (ValueError, TypeError) if kind == ValueError | TypeError else kind
    with pytest.raises(kinds, match=match):
        minimize(fun, np.ones(2), jac=jac)


def test_what_hess_and_hessp_return() -> None:
    x0 = rosenbrock_start(2)
    with pytest.raises(ValueError, match="hess"):
        minimize(rosenbrock, x0, jac=True, hess=lambda x: np.ones(2), method="newton")
    with pytest.raises(ValueError, match="hessp"):
        minimize(rosenbrock, x0, jac=True, hessp=lambda x, p: np.ones(3), method="newton-cg")
    with pytest.raises(TypeError, match="hess returns must not be masked"):
        minimize(rosenbrock, x0, jac=True, hess=lambda x: np.ma.masked_array(np.eye(2)), method="newton-cg")


BAD_CALLS = [
    ({"x0": []}, ValueError, "x0"),
    ({"x0": np.ones((2, 2))}, ValueError, "x0"),
    ({"x0": [1.0, math.nan]}, ValueError, "x0"),
    ({"x0": ["a"]}, TypeError, "x0"),
    ({"x0": np.ones(2, complex)}, TypeError, "x0"),
    ({"x0": np.ones(2, np.longdouble)}, TypeError, "x0"),
    ({"method": "simplex"}, ValueError, "minimize: method must be one of newton, "),
    ({"method": "Nelder-Mead"}, ValueError, "'Nelder-Mead' is not here: it needs no gradient"),
    ({"method": "SLSQP"}, ValueError, "'SLSQP' is not here: it is for constraints"),
    ({"method": "TNC"}, ValueError, "'TNC' is not here"),
    ({"method": "dogleg"}, ValueError, "trust-exact"),
    ({"method": print}, TypeError, "minimize: method must be a name"),
    ({"constraints": [{"type": "eq", "fun": sum}]}, ValueError, "constraints"),
    ({"constraints": {"type": "eq", "fun": sum}}, ValueError, "constraints"),
    ({"hess": "2-point", "jac": None, "method": "newton"}, ValueError, "hess='2-point' .* needs jac"),
    ({"hess": "4-point"}, ValueError, "hess must be a function"),
    ({"hess": 3.0}, ValueError, "hess must be a function"),
    ({"x0": np.ma.masked_equal([1.0, 2.0], 2)}, TypeError, "x0 must not be masked"),
    ({"method": "newton", "hess": None}, ValueError, "hess"),
    ({"method": "newton-cg", "hess": None, "jac": None}, ValueError, "jac"),
    ({"method": "trust-ncg", "hess": None, "jac": None}, ValueError, "jac"),
    ({"jac": "4-point"}, ValueError, "jac must be a function, True, None, or one of 2-point, 3-point, cs"),
    ({"jac": 3}, ValueError, "jac"),
    ({"options": {"maxitre": 3}}, TypeError, "maxitre"),
    ({"options": {"beta": "hager-zhang"}}, TypeError, "beta"),
    ({"method": "cg", "options": {"beta": "powell"}}, ValueError, "beta"),
    ({"options": {"gtol": -1}}, ValueError, "gtol"),
    ({"options": {"gtol": math.nan}}, ValueError, "gtol"),
    ({"options": {"maxiter": -1}}, ValueError, "maxiter"),
    ({"options": {"eps": 0.0}}, ValueError, "eps"),
    ({"options": {"eps": [1e-8] * 3}}, ValueError, "eps must be a real number or 2 of them"),
    ({"options": {"finite_diff_rel_step": "small"}}, ValueError, "finite_diff_rel_step"),
    ({"options": {"workers": 0}}, ValueError, "workers must be a map, such as"),
    ({"options": {"workers": 1.5}}, ValueError, "workers must be a map, such as"),
    ({"options": {"norm": 0}}, ValueError, "norm"),
    ({"method": "bfgs", "options": {"hess_inv0": -np.eye(2)}}, ValueError, "hess_inv0"),
    ({"method": "bfgs", "options": {"hess_inv0": [[1.0, 2.0], [0.0, 9.0]]}}, ValueError, "hess_inv0"),
    ({"method": "bfgs", "options": {"hess_inv0": np.eye(3)}}, ValueError, "hess_inv0"),
    ({"method": "bfgs", "options": {"xrtol": -1}}, ValueError, "xrtol"),
    ({"options": {"maxiter": "3"}}, TypeError, "maxiter"),
    ({"options": {"maxcor": 0}}, ValueError, "maxcor"),
    ({"options": {"maxcor": 2.5}}, TypeError, "minimize: maxcor must be an int"),
    ({"options": {"maxls": 1.5}}, TypeError, "minimize: maxls must be an int"),
    ({"options": {"disp": "no"}}, TypeError, "disp must be True or False"),
    ({"method": "trust-ncg", "options": {"eta": 0.25}}, ValueError, "eta"),
    ({"options": {"c1": 0.9, "c2": 0.1}}, ValueError, "c1"),
    ({"options": {"c2": 1.0}}, ValueError, "c2"),
    ({"method": "cg", "bounds": [(0, 1)] * 2}, ValueError, "'cg' takes no bounds"),
    ({"method": "bfgs", "bounds": [(0, 1), (1, 0)]}, ValueError, r"bounds\[1\]"),
    ({"method": "trust-exact", "hess": None}, ValueError, "trust-exact.* needs hess"),
    ({"bounds": [(0, 1)]}, ValueError, "bounds must be 2 pairs .* got 1 of them"),
    ({"bounds": [0, 1]}, ValueError, "bounds must be 2 pairs"),
    ({"bounds": 3}, ValueError, "bounds must be 2 pairs"),
    ({"bounds": SimpleNamespace(lb=[0, 0, 0], ub=1)}, ValueError, "bounds must be a real number or 2 of them"),
    ({"bounds": SimpleNamespace(lb=[0, None], ub=1)}, ValueError, "bounds"),
    ({"bounds": [(0, 1), (1, 0)]}, ValueError, r"bounds\[1\]"),
    ({"bounds": [(0, 1), (math.nan, 1)]}, ValueError, r"bounds\[1\]"),
]


@pytest.mark.parametrize(("change", "kind", "match"), BAD_CALLS)
def test_bad_calls(change: dict[str, Any], kind: type, match: str) -> None:
    call: dict[str, Any] = {"x0": [-1.2, 1.0], "jac": True, "hess": rosenbrock_hessian} | change
    with pytest.raises(kind, match=match):
        minimize(rosenbrock, **call)


@pytest.mark.parametrize("dtype", [np.float16, np.int64, bool, ">f8", np.float32])
def test_kinds_of_starts(dtype: Any) -> None:
    x0 = np.array([3, 1]).astype(dtype)
    result = minimize(lambda x: float(x @ x), x0, jac=lambda x: 2 * x)
    assert result.x.dtype == (np.float32 if dtype == np.float32 else np.float64)
    np.testing.assert_allclose(result.x, 0, atol=1e-3)


def test_a_start_that_is_no_row() -> None:
    wide = np.ones((5, 3))
    result = minimize(lambda x: float(x @ x), wide[:, 1], jac=lambda x: 2 * x)
    np.testing.assert_allclose(result.x, 0, atol=1e-5)
    np.testing.assert_array_equal(wide, 1)
    assert minimize(lambda x: float((x[0] - 2) ** 2), 0.0).x == pytest.approx(2, abs=1e-4)
