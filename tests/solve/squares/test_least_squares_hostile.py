"""What does least_squares do with hostile functions, starts and arguments?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from cases import shown

from onepass.arrays import Array
from onepass.solve import Status, least_squares

METHODS = pytest.mark.parametrize("method", ["lm", "dogleg", "gauss-newton"])


def rosenbrock(x: Array) -> Array:
    return np.array([10 * (x[1] - x[0] ** 2), 1 - x[0]])


START = np.array([-1.2, 1.0])


@METHODS
def test_zero_residual_at_the_start(method: str) -> None:
    fit = least_squares(rosenbrock, [1.0, 1.0], method=method)
    assert (fit.status, fit.cost, fit.nit) == (Status.GRADIENT, 0.0, 0)


@METHODS
def test_rank_zero(method: str) -> None:
    fit = least_squares(lambda x: np.array([3.0, 4.0]), START, method=method)
    assert (fit.status, fit.cost, fit.rank) == (Status.GRADIENT, 12.5, 0)
    assert fit.x.tolist() == START.tolist()


@METHODS
def test_a_singular_jacobian(method: str) -> None:
    """Only the sum of the parameters matters: the shortest way is taken."""
    fit = least_squares(lambda x: np.array([x.sum() - 3, 2 * x.sum() - 6, 0.0]), [1.0, 0.0], method=method)
    assert fit.success
    assert fit.rank == 1
    np.testing.assert_allclose(fit.x, [2.0, 1.0], rtol=1e-6)


@METHODS
def test_a_column_of_zeros(method: str) -> None:
    fit = least_squares(lambda x: np.array([x[0] - 3, x[0] ** 2 - 9]), [1.0, 7.0], method=method)
    assert fit.success
    np.testing.assert_allclose(fit.x, [3.0, 7.0], rtol=1e-7)


@METHODS
def test_fewer_residuals_than_parameters(method: str) -> None:
    fit = least_squares(lambda x: np.array([x @ x - 4]), [1.0, 1.0, 1.0], method=method)
    assert fit.success
    assert fit.cost < 1e-12
    np.testing.assert_allclose(fit.x, np.full(3, 2 / np.sqrt(3)), rtol=1e-6)


@METHODS
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_not_finite_at_the_start(method: str, bad: float) -> None:
    fit = least_squares(lambda x: np.array([bad, 1.0]), START, method=method)
    assert (fit.status, fit.success, fit.nfev) == (Status.NONFINITE_START, False, 1)
    assert fit.x.tolist() == START.tolist()


@METHODS
def test_a_derivative_that_is_not_finite(method: str) -> None:
    at_start = least_squares(rosenbrock, START, lambda x: np.full((2, 2), np.nan), method=method)
    assert at_start.status is Status.NONFINITE_START
    jac = lambda x: np.array([[-20 * x[0], 10.0], [-1.0, 0.0]]) * (np.nan if x[0] > 0 else 1.0)  # noqa: E731
    later = least_squares(rosenbrock, START, jac, method=method)
    assert later.status is Status.NONFINITE
    assert 2 * later.cost == pytest.approx(rosenbrock(later.x) @ rosenbrock(later.x))
    assert later.cost < 12


@METHODS
@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e200])
def test_a_wall_is_backed_off_from(method: str, bad: float) -> None:
    """log x, and nothing left of 0.1, where the first step of Gauss-Newton lands."""
    fit = least_squares(
        lambda x: np.where(x > 0.1, np.log(np.maximum(x, 1e-9)), bad), [8.0], lambda x: 1 / x[:, None], method=method
    )
    assert fit.success
    assert fit.x == pytest.approx([1.0])


@METHODS
def test_a_wrong_jacobian_is_no_success(method: str) -> None:
    fit = least_squares(lambda x: x - [3.0, 4.0], [0.0, 0.0], lambda x: -np.eye(2), method=method)
    assert fit.status is Status.NO_DECREASE
    assert not fit.success


@METHODS
def test_overflow(method: str) -> None:
    fit = least_squares(lambda x: np.array([1e200 * (x[0] - 1)]), [3.0], lambda x: np.array([[1e200]]), method=method)
    assert fit.status is Status.NONFINITE_START


@pytest.mark.parametrize(
    ("returned", "error", "said"),
    [
        (np.ones((2, 1)), ValueError, "fun must return an array of shape (any,), got one of shape (2, 1)"),
        (np.ones(0), ValueError, "at least one number"),
        (np.ones(2) * 1j, TypeError, "fun must return an array of real numbers, got one of dtype complex128"),
        (None, TypeError, "got None"),
        ("abc", TypeError, "got 'abc'"),
        ([[1.0], [1.0, 2.0]], TypeError, "ragged"),
        (np.array(["a", "b"]), TypeError, "got one of dtype"),
    ],
    ids=str,
)
def test_what_residual_returns(returned: Any, error: type[Exception], said: str) -> None:
    with pytest.raises(error) as caught:
        least_squares(lambda x: returned, START)
    assert said in str(caught.value)


def test_a_length_that_changes() -> None:
    with pytest.raises(ValueError, match=r"shape \(2,\), got one of shape \(3,\)"):
        least_squares(lambda x: rosenbrock(x) if x[0] == -1.2 else np.ones(3), START)


@pytest.mark.parametrize("shape", [(2,), (2, 3), (3, 2), (2, 2, 1)])
def test_what_jac_returns(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"jac must return an array of shape \(2, 2\), got"):
        least_squares(rosenbrock, START, lambda x: np.ones(shape))


def test_lists_and_integers_will_do() -> None:
    fit = least_squares(lambda x: list(x - 3), [1, 2], lambda x: [[1, 0], [0, 1]])
    assert fit.x == pytest.approx([3.0, 3.0])


@METHODS
def test_functions_that_return_x_or_their_own_buffer(method: str) -> None:
    assert least_squares(lambda x: x, [1.0, 2.0], method=method).x == pytest.approx([0.0, 0.0], abs=1e-9)
    f, j = np.empty(2), np.empty((2, 2))

    def into(x: Array) -> Array:
        f[:] = rosenbrock(x)
        return f

    def jac(x: Array) -> Array:
        j[:] = [[-20 * x[0], 10], [-1, 0]]
        return j

    fit = least_squares(into, START, jac, method=method)
    assert fit.x == pytest.approx([1.0, 1.0])
    assert not np.shares_memory(fit.fun, f)
    assert not np.shares_memory(fit.jac, j)


def test_x_cannot_be_written_to() -> None:
    def writes(x: Array) -> Array:
        x += 1
        return x

    with pytest.raises(ValueError, match="read-only"):
        least_squares(writes, START)


def test_the_start_is_left_alone_and_the_result_is_the_users() -> None:
    start = START.copy()
    kept = []
    fit = least_squares(lambda x: kept.append(x) or rosenbrock(x), start)  # type: ignore[func-returns-value]
    assert start.tolist() == START.tolist()
    before = [x.copy() for x in kept]
    fit.x[:] = 7
    assert all((a == b).all() for a, b in zip(kept, before, strict=True))


@METHODS
@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError("mine"), SystemExit], ids=str)
@pytest.mark.parametrize("where", ["residual", "jac", "callback"])
def test_exceptions_pass_through(method: str, error: Any, where: str) -> None:
    start, seen, calls = START.copy(), [], dict.fromkeys(("residual", "jac", "callback"), 0)

    def counted(name: str, value: Any) -> Any:
        calls[name] += 1
        if name == where and calls[name] == 3:
            raise error
        return value

    def callback(x: Array) -> None:
        seen.append(x)
        counted("callback", None)

    with pytest.raises(error if isinstance(error, type) else type(error)) as caught:
        least_squares(
            lambda x: counted("residual", rosenbrock(x)),
            start,
            lambda x: counted("jac", np.array([[-20 * x[0], 10], [-1, 0]])),
            method=method,
            callback=callback,
        )
    assert isinstance(error, type) or caught.value is error
    assert start.tolist() == START.tolist()
    costs = [rosenbrock(x) @ rosenbrock(x) for x in seen]  # what was reached so far
    assert costs == sorted(costs, reverse=True)


def test_the_callback_sees_every_step_and_may_stop() -> None:
    seen: list[Any] = []
    fit = least_squares(rosenbrock, START, callback=lambda intermediate_result: seen.append(intermediate_result))
    assert [result.nit for result in seen] == list(range(1, fit.nit + 1))
    assert (seen[-1].x == fit.x).all()
    assert seen[-1].cost == fit.cost

    def stop(x: Array) -> None:
        x[:] = np.nan  # a copy
        raise StopIteration

    stopped = least_squares(rosenbrock, START, callback=stop)
    assert (stopped.status, stopped.nit, stopped.success) == (Status.CALLBACK, 1, False)
    assert np.isfinite(stopped.x).all()


def test_a_solve_within_a_solve() -> None:
    def outer(x: Array) -> Array:
        inner = least_squares(lambda y: np.array([y[0] ** 3 - x[0]]), [1.0]).x
        return np.array([inner[0] - 2])

    assert least_squares(outer, [5.0]).x == pytest.approx([8.0])


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        ({"x0": np.empty((0, 2))}, ValueError, "x0 must have the shape"),
        ({"x0": [[1.0, 2.0]]}, ValueError, "x0 must have the shape"),
        ({"x0": [1.0, np.nan]}, ValueError, "x0 must be finite"),
        ({"x0": [1j, 2.0]}, ValueError, "x0 must be an array of real numbers"),
        ({"x0": ["a"]}, TypeError, "x0 must be"),
        ({"method": "newton"}, ValueError, "method must be one of 'lm', 'gauss-newton', 'dogleg'"),
        ({"loss": "l1"}, ValueError, "loss must be one of linear, huber"),
        ({"f_scale": 0.0}, ValueError, "f_scale must be in (0, inf)"),
        ({"f_scale": np.nan}, ValueError, "f_scale must be in (0, inf)"),
        ({"x_scale": -1.0}, ValueError, "x_scale must be finite and above 0"),
        ({"x_scale": [1.0, 2.0, 3.0]}, ValueError, "x_scale must be"),
        ({"x_scale": "cols"}, ValueError, "x_scale must be"),
        ({"ftol": -1e-8}, ValueError, "least_squares: ftol must be in [0, 1)"),
        ({"xtol": np.nan}, ValueError, "xtol must be in [0, 1)"),
        ({"gtol": "small"}, TypeError, "gtol must be a real number"),
        ({"max_nfev": 0}, ValueError, "max_nfev must be an int"),
        ({"max_nfev": 2.5}, TypeError, "max_nfev must be an int"),
        ({"max_nfev": True}, TypeError, "max_nfev must be an int"),
        ({"geodesic": 1}, TypeError, "geodesic must be True or False"),
        ({"loss": ["huber"]}, ValueError, "loss must be one of linear, huber"),
        ({"jac": "4-point"}, ValueError, "jac must be a function"),
        ({"jac": ["2-point"]}, ValueError, "jac must be a function"),
        ({"jac": "cs", "fun": lambda x: abs(rosenbrock(x))}, TypeError, 'jac="3-point" does without'),
        ({"bounds": "dogleg"}, ValueError, "pass method='dogleg' by its name"),
        ({"bounds": ([0, 0], [1, 1, 1])}, ValueError, "upper is (3,)"),
        ({"bounds": ([0], 9)}, ValueError, "lower is (1,)"),
        ({"ftol": None, "xtol": None, "gtol": None}, ValueError, "at least one of ftol, xtol and gtol"),
        ({"diff_step": 0.0}, ValueError, "diff_step must be above 0"),
        ({"diff_step": [1e-4] * 3}, ValueError, "diff_step must be above 0"),
        ({"verbose": 3}, ValueError, "verbose must be an int in [0, 3)"),
        ({"workers": 0}, ValueError, "workers must be a map, such as that of a pool"),
        ({"workers": "all"}, ValueError, "workers must be a map, such as that of a pool"),
        ({"tr_solver": "best"}, ValueError, "tr_solver must be"),
        ({"tr_options": {"tol": 1}}, TypeError, "tr_options has no 'tol'"),
        ({"jac_sparsity": np.eye(3)}, ValueError, "jac_sparsity must have the shape (m, 2)"),
        ({"jac_sparsity": np.ones((3, 2))}, ValueError, "the Jacobian has (2, 2)"),
        ({"jac_sparsity": np.eye(2), "tr_solver": "exact"}, ValueError, "leave it out"),
        ({"bounds": (0, 1)}, ValueError, "x0 must lie within the bounds"),
        ({"bounds": (3, 2)}, ValueError, "no lower bound may be above"),
        ({"bounds": (np.nan, 2)}, ValueError, "no lower bound may be above"),
        ({"bounds": 3}, ValueError, "bounds must be a pair"),
        ({"bounds": ([0, 0, 0], 1)}, ValueError, "bounds must be a pair"),
        ({"geodesic": True, "method": "dogleg"}, ValueError, 'geodesic=True needs method="lm"'),
        ({"loss": lambda z: z}, ValueError, "loss must return three arrays"),
    ],
    ids=shown,
)
def test_bad_arguments(arguments: dict[str, Any], error: type[Exception], said: str) -> None:
    with pytest.raises(error) as caught:
        least_squares(**({"fun": rosenbrock, "x0": START} | arguments))
    assert said in str(caught.value)
