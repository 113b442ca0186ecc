"""Does a method that has stopped find what it missed, and own up where it cannot?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from formula_fits import fits
from more_garbow_hillstrom import PROBLEMS

from onepass.arrays import Array
from onepass.solve import Status, least_squares

METHODS = pytest.mark.parametrize("method", ["lm", "dogleg", "gauss-newton"])
T = np.arange(1.0, 30.0)


@METHODS
@pytest.mark.parametrize("k", range(9, 18))
@pytest.mark.parametrize("jac", [None, "2-point"])
def test_a_minimum_next_to_the_edge_of_the_domain(method: Any, k: int, jac: Any) -> None:
    """log(1 + p0) at p0 = exp(-k) - 1: the steps of differences are longer than the way to -1."""

    def residual(p: Array) -> Array:
        with np.errstate(all="ignore"):
            return np.asarray(np.log(1 + p[0]) + p[1] * T - (-k + 2 * T))

    fit = least_squares(residual, [0.0, 1.0], jac, method=method)
    assert fit.success
    assert fit.x[0] == pytest.approx(np.exp(-k) - 1, rel=1e-9)
    assert np.isfinite(fit.jac).all()


@METHODS
def test_calls_beyond_the_edge_keep_to_the_budget(method: Any) -> None:
    calls = []

    def residual(p: Array) -> Array:
        calls.append(p)
        with np.errstate(all="ignore"):
            return np.asarray(np.log(1 + p[0]) + p[1] * T - (-12 + 2 * T))

    for budget in range(1, 240, 7):
        calls.clear()
        fit = least_squares(residual, [0.0, 1.0], method=method, max_nfev=budget)
        assert fit.nfev == len(calls) <= budget


@METHODS
@pytest.mark.parametrize("jac", [None, "3-point", lambda x: 2 * x], ids=["None", "3-point", "jac"])
@pytest.mark.parametrize("start", [2.0, -0.3])
def test_a_minimum_where_the_jacobian_vanishes(method: Any, jac: Any, start: float) -> None:
    fit = least_squares(lambda x: x**2 + 5, start, jac, method=method)
    assert fit.success
    assert fit.x == pytest.approx([0.0], abs=1e-7)


#: Box, Hunter and Hunter's oxygen demand, and what a growth curve leaves of it.
X, DEMAND = np.array([1.0, 2, 3, 5, 7, 10]), np.array([109.0, 149, 149, 191, 213, 224])


def growth(data: Array) -> Callable[[Array], Array]:
    def residual(b: Array) -> Array:
        with np.errstate(over="ignore"):
            return np.asarray(b[0] * (1 - np.exp(-b[1] * X)) - data)

    return residual


@METHODS
@pytest.mark.parametrize("jac", [None, "2-point", "3-point"])
@pytest.mark.parametrize("rate", [1.0, 50.0, 900.0])
def test_a_minimum_at_infinity_is_one_and_says_so(method: Any, jac: Any, rate: float) -> None:
    """The data fall from the first on: the mean is best, and any finite rate leaves more of the first one."""
    data = np.array([3.1, 2.9, 3.0, 3.2, 2.8, 3.0])
    fit = least_squares(growth(data), [1.0, rate], jac, method=method)
    assert fit.success
    assert fit.status is Status.FLAT
    assert "no effect there: x[1]" in fit.message
    assert fit.x[0] == pytest.approx(3.0, abs=1e-9)
    assert fit.cost == pytest.approx(0.05)
    assert fit.rank == 1
    for nearer in (1.0, 4.0, 9.0):
        assert np.sum(growth(data)(np.array([3.0, nearer])) ** 2) > 2 * fit.cost


@METHODS
@pytest.mark.parametrize("jac", [None, "2-point", "3-point"])
@pytest.mark.parametrize("rate", [1.0, 80.0, 900.0])
def test_a_valley_that_was_leapt_over_or_never_seen_is_found(method: Any, jac: Any, rate: float) -> None:
    """From 1 the first step leads to where the rate has no effect; from 900 it has none at the start."""
    fit = least_squares(growth(DEMAND), [1.0, rate], jac, method=method)
    assert fit.success
    assert fit.x == pytest.approx([213.8094, 0.5472375], rel=1e-6)
    assert fit.rank == 2


@METHODS
@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid", "ignore:divide")
def test_two_parameters_that_ran_away_together_come_back_together(method: Any) -> None:
    """Bard's, of which the cost at infinity is 17.43: one alone does not lead back from there."""
    bard = PROBLEMS["bard"]
    for jac in (bard.jacobian, None):
        fit = least_squares(bard.residual, 10 * bard.start, jac, method=method)
        assert fit.success
        assert 2 * fit.cost == pytest.approx(8.21487730657e-3, rel=1e-9)


@METHODS
def test_the_way_back_keeps_to_bounds_and_budget(method: Any) -> None:
    data, lower, upper = np.array([3.1, 2.9, 3.0, 3.2, 2.8, 3.0]), np.array([0.0, 0.5]), np.array([9.0, 900.0])
    calls: list[Array] = []

    def residual(b: Array) -> Array:
        assert ((b >= lower) & (b <= upper)).all()
        calls.append(b)
        return growth(data)(b)

    for start in ([1.0, 800.0], [1.0, 1.0]):
        whole = least_squares(residual, start, bounds=(lower, upper), method=method).nfev
        for budget in range(3, whole + 4):
            calls.clear()
            fit = least_squares(residual, start, bounds=(lower, upper), method=method, max_nfev=budget)
            assert fit.nfev == len(calls) <= budget
            # What was not looked for to the end is not claimed.
            assert (fit.status is Status.FLAT) == (budget >= whole)


@pytest.mark.parametrize(("options", "most"), [({}, 2000), ({"jac": "3-point"}, 2000), ({"method": "dogleg"}, 2000)])
def test_a_long_curved_valley(options: dict[str, Any], most: int) -> None:
    """A thermistor's resistance from a start of which MINPACK needs 285 calls with a Jacobian, 993 without."""
    x = np.arange(50.0, 126.0, 5.0)

    def residual(b: Array) -> Array:
        with np.errstate(over="ignore"):
            return np.asarray(b[0] * np.exp(b[1] / (x + b[2])) - y)

    y = np.round(0.0056 * np.exp(6180 / (x + 345)))
    fit = least_squares(residual, [2.0, 400000.0, 25000.0], **options)
    assert fit.success
    assert fit.nfev < most
    assert fit.cost == pytest.approx(0.55598255814, rel=1e-9)


@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid")
def test_geodesic_steps_in_the_valley_claim_nothing_false() -> None:
    x = np.arange(50.0, 126.0, 5.0)
    y = np.round(0.0056 * np.exp(6180 / (x + 345)))
    fit = least_squares(lambda b: b[0] * np.exp(b[1] / (x + b[2])) - y, [2.0, 400000.0, 25000.0], geodesic=True)
    assert not fit.success or fit.cost == pytest.approx(0.55598255814, rel=1e-6)


@METHODS
@pytest.mark.parametrize("jac", [None, "2-point", "3-point"])
def test_a_parameter_that_never_mattered_is_not_lost(method: Any, jac: Any) -> None:
    fit = least_squares(
        lambda x: np.array([x[0] - 1, x[0] - 1.1, x[0] - 0.9, 0 * x[1]]), [0.0, 3.0], jac, method=method
    )
    assert fit.success
    assert fit.status is not Status.FLAT
    assert "no effect there: x[1]" in fit.message
    assert fit.rank == 1
    assert fit.x == pytest.approx([1.0, 3.0])


@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid")
def test_a_start_of_any_cost_does_not_make_the_rest_rounding() -> None:
    """From a cost of 1e34 to 85, where a residual and a column have a cosine of 0.5."""
    problem = PROBLEMS["jennrich-sampson"]
    fit = least_squares(problem.residual, 10 * problem.start, method="gauss-newton")
    assert 2 * fit.cost > 1.1 * max(problem.minima)
    assert fit.status is Status.NO_DECREASE


def far_starts(start: Array, random: np.random.Generator) -> list[Array]:
    spread = 1 + np.abs(start)
    return [10 * start, 100 * start, *(start + spread * random.standard_normal(start.size) for _ in range(2))]


@METHODS
@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid", "ignore:divide")
def test_success_from_far_starts_is_true(method: Any) -> None:
    random = np.random.default_rng(1)
    for name, problem in PROBLEMS.items():
        for start in far_starts(problem.start, random):
            fit = least_squares(problem.residual, start, problem.jacobian, method=method)
            solved = min(abs(2 * fit.cost - f) / max(f, 1e-10) for f in problem.minima) < 1e-6
            if fit.success and not solved:
                jac, f = problem.jacobian(fit.x), problem.residual(fit.x)
                cosines = np.abs(f @ jac) / np.maximum(np.linalg.norm(jac, axis=0) * np.linalg.norm(f), 1e-300)
                assert cosines.max() < 1e-5, (name, start)


#: Fits that claimed success where the gradient was far from 0: seed and number of `fits`, and how they were made.
CLAIMED = [
    pytest.param(1, 81, {}, id="one parameter of 1e29 hides that others are far from where they belong"),
    pytest.param(2, 75, {"method": "dogleg"}, id="so it does for the dogleg"),
    pytest.param(2, 86, {"method": "dogleg"}, id="the last call was spent before the second look"),
    pytest.param(
        1, 111, {"method": "gauss-newton", "jac": None}, id="columns that were longer once are none to ignore"
    ),
    pytest.param(1, 93, {"method": "gauss-newton", "jac": None}, id="the same, of a step that was cut"),
]


@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid", "ignore:divide")
@pytest.mark.parametrize(("seed", "number", "options"), CLAIMED)
def test_what_claimed_success_is_stationary_or_owns_up(seed: int, number: int, options: dict[str, Any]) -> None:
    problem, start = fits(seed)[number]
    fit = least_squares(problem.residual, start, **({"jac": problem.jacobian} | options))
    jac, f = problem.jacobian(fit.x), problem.residual(fit.x)
    cosines = np.abs(f @ jac) / np.maximum(np.linalg.norm(jac, axis=0) * np.linalg.norm(f), 1e-300)
    assert not fit.success or cosines.max() < 1e-6


OSBORNE_1 = [-0.74612794, 7.36452018, -2.40827912, -0.44760519, -1.06715478]


@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid", "ignore:divide")
def test_steps_that_damping_made_short_are_no_success() -> None:
    """The cost is 1e297 and the minimizer of the model 1e9 times as far away as x is long."""
    problem = PROBLEMS["osborne-1"]
    fit = least_squares(problem.residual, OSBORNE_1, tr_solver="lsmr")
    assert not fit.success or 2 * fit.cost == pytest.approx(problem.minima[0], rel=1e-6)


@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid", "ignore:divide")
def test_a_column_that_vanished_with_the_steps_of_its_differences_proves_nothing() -> None:
    """A factor of 1e-45, which once had the column 1e46 long: its differences were beside that size, and lost."""
    problem = PROBLEMS["osborne-1"]
    start = np.array([-1.4298617, 5.05594626, -0.0966291, -0.3683137, -0.20507443])
    fit = least_squares(problem.residual, start, method="gauss-newton")
    assert not fit.success or 2 * fit.cost == pytest.approx(problem.minima[0], rel=1e-6)


def test_differences_of_a_parameter_that_was_huge_once_are_made_anew() -> None:
    """Inhibition by substrate, by the dogleg: a central difference with the steps of back then was wrong by 6 %."""
    problem, start = fits(2)[16]
    fit = least_squares(problem.residual, start, method="dogleg")
    np.testing.assert_allclose(fit.jac, problem.jacobian(fit.x), atol=1e-9)
    assert fit.success
    assert 2 * fit.cost == pytest.approx(problem.minima[0], rel=1e-12)


@pytest.mark.parametrize("method", ["lm", "dogleg"])
def test_a_start_where_nothing_is_more_than_rounding_is_left(method: Any) -> None:
    """Logistic growth whose middle is so far away that the curve and its columns are 1e-135 of the data."""
    problem, start = fits(2)[40]
    assert np.abs(problem.jacobian(start) * start).max() < 1e-100
    fit = least_squares(problem.residual, start, problem.jacobian, method=method)
    assert fit.success
    assert 2 * fit.cost == pytest.approx(problem.minima[0], rel=1e-9)
