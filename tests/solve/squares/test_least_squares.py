"""Does least_squares find minima, with every method, loss and bound, and say why it stopped?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from cases import shown
from more_garbow_hillstrom import PROBLEMS

from onepass.arrays import Array
from onepass.solve import OptimizeResult, Status, covariance, fit_report, least_squares, leastsq
from onepass.solve.derivatives import differences
from onepass.solve.squares.linear_model import LinearModel
from onepass.solve.squares.losses import LOSSES, Loss

scipy_optimize = pytest.importorskip("scipy.optimize")

#: Where Gauss-Newton does not converge from the paper's start: rank falls.
TOO_HARD_FOR_GAUSS_NEWTON = ("freudenstein-roth", "jennrich-sampson", "biggs-exp6")
#: Where the Jacobian is singular at the minimum, the cost may change by its rounding alone before a criterion is met.
SINGULAR = ("powell-singular", "watson-9", "linear-rank-one")
#: From the paper's start some iterates are so far away that the roundings of exp, which depend on the processor, decide
#: whether the dogleg returns.
NEARER_STARTS = {("biggs-exp6", "dogleg"): np.array([1.0, 5, 1, 2, 3, 2])}
METHODS = ("lm", "dogleg", "gauss-newton")

T = np.linspace(0, 3, 30)
DATA = 2 * np.exp(-1.3 * T) + 0.5 + 0.05 * np.sin(40 * T)
DATA_WITH_OUTLIERS = DATA + np.where(np.arange(30) % 7 == 3, 2.0, 0.0)
START = np.array([1.0, 1.0, 0.0])


@np.errstate(over="ignore", invalid="ignore")  # far trials
def residual(x: Array) -> Array:
    return x[0] * np.exp(-x[1] * T) + x[2] - DATA


@np.errstate(over="ignore", invalid="ignore")
def with_outliers(x: Array) -> Array:
    return x[0] * np.exp(-x[1] * T) + x[2] - DATA_WITH_OUTLIERS


def jacobian(x: Array) -> Array:
    fall = np.exp(-x[1] * T)
    return np.column_stack([fall, -x[0] * T * fall, np.ones_like(T)])


def assert_solved(name: str, fit: OptimizeResult) -> None:
    problem = PROBLEMS[name]
    error = min(abs(2 * fit.cost - f) / max(f, 1e-10) for f in problem.minima)
    assert error < 1e-6, (2 * fit.cost, fit.status)
    assert fit.success or (name in SINGULAR and fit.status is Status.NO_DECREASE)


@pytest.mark.parametrize("name", PROBLEMS)
def test_the_jacobians_of_the_problems(name: str) -> None:
    problem = PROBLEMS[name]
    x = problem.start + 0.01
    exact = problem.jacobian(x)
    central = differences(problem.residual, x, problem.residual(x), "3-point").T
    np.testing.assert_allclose(exact, central, rtol=1e-6, atol=1e-5 * np.abs(exact).max())


@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid")
@pytest.mark.parametrize("options", [{}, {"jac": None}, {"geodesic": True}, {"method": "dogleg"}], ids=str)
@pytest.mark.parametrize("name", PROBLEMS)
def test_more_garbow_and_hillstrom(name: str, options: dict[str, Any]) -> None:
    problem = PROBLEMS[name]
    start = NEARER_STARTS.get((name, options.get("method", "lm")), problem.start)
    assert_solved(name, least_squares(problem.residual, start, **({"jac": problem.jacobian} | options)))


@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid")
@pytest.mark.parametrize("name", [name for name in PROBLEMS if name not in TOO_HARD_FOR_GAUSS_NEWTON])
def test_gauss_newton(name: str) -> None:
    problem = PROBLEMS[name]
    assert_solved(name, least_squares(problem.residual, problem.start, problem.jacobian, method="gauss-newton"))


@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid")
@pytest.mark.parametrize("name", TOO_HARD_FOR_GAUSS_NEWTON)
def test_gauss_newton_owns_up(name: str) -> None:
    problem = PROBLEMS[name]
    assert not least_squares(problem.residual, problem.start, problem.jacobian, method="gauss-newton").success


@pytest.mark.parametrize("method", METHODS)
def test_differences_end_with_central_ones(method: str) -> None:
    errors = {}
    for jac in (None, "2-point", "3-point"):
        fit = least_squares(residual, START, jac, method=method)
        assert fit.success
        errors[jac] = np.abs(fit.jac - jacobian(fit.x)).max()
    assert errors[None] < 1e-9 < errors["2-point"]
    simple = least_squares(residual, START, "2-point", method=method).nfev
    assert simple < least_squares(residual, START, None, method=method).nfev
    # Without calls left for them, it ends with simple ones; what has converged is not taken back for want of calls.
    rough = least_squares(residual, START, "2-point", method=method, ftol=1e-12, xtol=1e-8, gtol=1e-8).nfev
    for budget in range(rough, simple + 20):
        fit = least_squares(residual, START, None, method=method, max_nfev=budget)
        assert fit.success
        assert fit.nfev <= budget
        assert fit.jac.shape == (30, 3)


@pytest.mark.parametrize("method", ["lm", "dogleg"])
def test_central_differences_need_not_find_a_way_on(method: str) -> None:
    """Of freudenstein-roth's local minimum, where the Jacobian is singular, no more digits can be had."""
    problem = PROBLEMS["freudenstein-roth"]
    fit = least_squares(problem.residual, np.array([11.5, -0.9]), None, method=method)
    assert fit.success
    assert fit.cost == pytest.approx(0.5 * 48.98425367924, rel=1e-9)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("method", METHODS)
def test_losses_are_scipys(method: str, name: str) -> None:
    fit = least_squares(with_outliers, START, jacobian, method=method, loss=name, f_scale=0.1)
    peer = scipy_optimize.least_squares(
        with_outliers, fit.x, jacobian, loss=name, f_scale=0.1, xtol=1e-12, ftol=1e-14, gtol=1e-12
    )
    assert fit.success
    np.testing.assert_allclose(fit.x, peer.x, rtol=1e-5)
    assert fit.cost == pytest.approx(peer.cost, rel=1e-10)


def test_robust_losses_disregard_outliers() -> None:
    clean = least_squares(residual, START).x
    plain, robust = (least_squares(with_outliers, START, loss=loss, f_scale=0.1).x for loss in ("linear", "cauchy"))
    assert np.abs(robust - clean).max() < 0.05 < np.abs(plain - clean).max()


@pytest.mark.parametrize("name", LOSSES)
def test_derivatives_of_losses(name: str) -> None:
    z = np.array([0.0, 0.3, 0.9, 1.1, 5.0, 100.0])
    h = 1e-6
    rho, first, second = LOSSES[name](z)
    above, below = (LOSSES[name](z + s * h) for s in (1, -1))
    np.testing.assert_allclose(first[1:], ((above[0] - below[0]) / (2 * h))[1:], rtol=1e-6)
    np.testing.assert_allclose(second[1:], ((above[1] - below[1]) / (2 * h))[1:], rtol=1e-6, atol=1e-9)
    assert rho[0] == 0
    assert first[0] == 1


def test_a_loss_of_the_users() -> None:
    def soft(z: Array) -> Any:
        return np.array([2 * ((1 + z) ** 0.5 - 1), (1 + z) ** -0.5, -0.5 * (1 + z) ** -1.5])

    own, named = (least_squares(with_outliers, START, jacobian, loss=loss).x for loss in (soft, "soft_l1"))
    np.testing.assert_allclose(own, named, rtol=1e-8)


def test_cost_of_a_loss_scales() -> None:
    f = np.array([0.5, 3.0])
    assert Loss("huber", 2.0).cost(f) == pytest.approx(0.5 * (0.25 + 4 * (2 * 1.5 - 1)))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("jac", [jacobian, None, "3-point"], ids=shown)
@pytest.mark.parametrize(
    "bounds", [([0, 0, 0], [1.5, 5, 5]), ([-np.inf, 1.5, -np.inf], np.inf), ([0, 0, 0.6], [9, 1, 2])], ids=str
)
def test_bounds(method: str, jac: Any, bounds: Any) -> None:
    lower, upper = (np.broadcast_to(np.asarray(side, float), 3) for side in bounds)
    start = np.clip(START, lower, upper)

    def inside(x: Array) -> Array:
        assert ((x >= lower) & (x <= upper)).all()
        return residual(x)

    fit = least_squares(inside, start, jac, method=method, bounds=bounds)
    peer = scipy_optimize.least_squares(
        residual,
        np.clip(start, lower + 1e-3, upper - 1e-3),
        jacobian,
        bounds=bounds,
        xtol=1e-14,
        ftol=1e-14,
        gtol=1e-14,
    )
    assert fit.success
    assert fit.cost == pytest.approx(peer.cost, rel=1e-6)
    np.testing.assert_allclose(fit.x, peer.x, atol=1e-4)
    assert (fit.active_mask == (fit.x >= upper).astype(int) - (fit.x <= lower)).all()
    assert np.any(fit.active_mask)
    assert fit.optimality < 1e-5


def test_a_start_in_a_corner_of_the_bounds_leaves_it() -> None:
    fit = least_squares(lambda x: x - [0.5, 2.0], [0.0, 0.0], bounds=(0, 1))
    assert fit.x == pytest.approx([0.5, 1.0])
    assert fit.active_mask.tolist() == [0, 1]


@pytest.mark.parametrize("method", METHODS)
def test_evaluations_are_counted_and_limited(method: str) -> None:
    calls = []

    def counted(x: Array) -> Array:
        calls.append(x.copy())
        return residual(x)

    full = least_squares(counted, START, method=method)
    assert full.nfev == len(calls)
    for budget in range(1, 12):  # 4 are the start and a Jacobian by differences
        calls.clear()
        fit = least_squares(counted, START, method=method, max_nfev=budget)
        assert fit.nfev == len(calls) <= budget
        assert fit.status is Status.MAX_EVALUATIONS
        assert not fit.success
        assert ("jac" in fit) == (budget >= 4)
        assert fit.cost == pytest.approx(0.5 * residual(fit.x) @ residual(fit.x))


def test_scaling_of_parameters_does_not_matter() -> None:
    """Column scaling makes the iterates those of the problem in other units, bit for bit if these are powers of 2."""
    for units, rtol in ((np.array([2.0**-20, 2.0**13, 2.0**7]), 0.0), (np.array([1e-6, 1e4, 1e2]), 1e-9)):
        for jac in (jacobian, None):
            plain = least_squares(residual, START, jac)
            other = least_squares(
                lambda y, units=units: residual(y * units),
                START / units,
                (lambda y, units=units: jacobian(y * units) * units) if jac else None,
            )
            if not rtol:
                assert (other.nfev, other.nit) == (plain.nfev, plain.nit)
            np.testing.assert_allclose(other.x * units, plain.x, rtol=rtol if jac else 1e-6)


def test_differences_of_a_parameter_that_is_zero_by_chance() -> None:
    """Watson's function: the first parameter starts at 0 and is 4e-10 after a step, the others are near 1."""
    problem = PROBLEMS["watson-6"]
    for method in ("lm", "dogleg"):
        fit = least_squares(problem.residual, problem.start, method=method)
        np.testing.assert_allclose(fit.jac, problem.jacobian(fit.x), atol=1e-5)


def test_x_scale() -> None:
    for x_scale in (1.0, [2.0, 1.0, 0.5]):
        np.testing.assert_allclose(
            least_squares(residual, START, x_scale=x_scale).x, least_squares(residual, START).x, rtol=1e-6
        )


@pytest.mark.parametrize("method", METHODS)
def test_a_jacobian_keeps_its_digits_where_normal_equations_lose_them(method: str) -> None:
    """Läuchli's matrix: J^T J is singular in double precision."""
    tiny = 1e-9
    a = np.vstack([np.ones(3), tiny * np.eye(3)])
    b = a @ [1.0, 2.0, 3.0]
    fit = least_squares(lambda x: a @ x - b, np.zeros(3), lambda x: a, method=method)
    np.testing.assert_allclose(fit.x, [1, 2, 3], rtol=1e-5)


def test_float32_residuals_get_longer_differences() -> None:
    fit = least_squares(lambda x: residual(x).astype(np.float32), START)
    np.testing.assert_allclose(fit.x, least_squares(residual, START).x, rtol=1e-3)


def test_arguments_are_passed_on() -> None:
    fit = least_squares(lambda x, a, *, b: x - a - b, 0.0, args=(1.0,), kwargs={"b": 2.0})
    assert fit.x == pytest.approx([3.0])


@pytest.mark.parametrize(("m", "n"), [(7, 3), (200, 3), (3, 3), (2, 5)])
def test_steps_are_those_of_the_linear_problem(m: int, n: int) -> None:
    random = np.random.default_rng(0)
    a, f = random.standard_normal((m, n)), random.standard_normal(m)
    model = LinearModel(a, f)
    p = model.newton()
    np.testing.assert_allclose(p, np.linalg.lstsq(a, -f, rcond=None)[0], rtol=1e-6, atol=1e-9)
    assert model.decrease(p) == pytest.approx(0.5 * (f @ f - (a @ p + f) @ (a @ p + f)))
    np.testing.assert_allclose(model.gradient, f @ a, rtol=1e-12, atol=1e-12)
    assert model.rank == min(m, n)
    along = model.cauchy()
    for share in (0.9, 1.1):
        assert model.decrease(share * along) < model.decrease(along)


@pytest.mark.parametrize(
    "options", [{}, {"method": "dogleg"}, {"jac": "3-point"}, {"bounds": ([], [])}, {"tr_solver": "lsmr"}], ids=shown
)
def test_without_parameters_there_is_nothing_to_do(options: dict[str, Any]) -> None:
    """As in SciPy; lmfit's fits come to that where all parameters are held."""
    fit = least_squares(lambda x: np.array([1.0, 2.0]), [], **options)
    assert fit.success
    assert (fit.cost, fit.nfev, fit.rank, fit.optimality) == (2.5, 1, 0, 0.0)
    assert fit.x.shape == (0,)
    assert fit.jac.shape == (2, 0)
    assert covariance(fit).shape == (0, 0)
    assert "free parameters     0" in fit_report(fit)
    x, ier = leastsq(lambda x: np.array([1.0, 2.0]), [])
    assert x.shape == (0,)
    assert ier == 4
