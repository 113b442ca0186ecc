"""Is a Gauss-Newton step cut as much as the one before asks for?"""

from __future__ import annotations

import math

import numpy as np
import pytest
from more_garbow_hillstrom import PROBLEMS

from onepass.solve import least_squares
from onepass.solve.squares.gauss_newton import GaussNewton
from onepass.solve.squares.linear_model import LinearModel, norm

MODEL = LinearModel(np.eye(2), np.array([3.0, -4.0]))  # minimized by -f, of length 5; |A p|^2 = 25


@pytest.mark.parametrize("increase", [0.1, 10.0, 90.0])
def test_the_next_trial_minimizes_the_parabola(increase: float) -> None:
    """Through the cost at 0, where its slope is -25, and through the trial at 1, where the cost has increased."""
    steps = GaussNewton()
    steps.propose(MODEL)
    steps.rejected(-increase / (25 / 2), 5.0)
    share = norm(steps.propose(MODEL)) / 5
    assert share == pytest.approx(25 / (2 * (increase + 25)))
    steps.rejected(-increase / (25 * (share - share**2 / 2)), 5 * share)
    wanted = max(share / 10, 25 * share**2 / (2 * (increase + 25 * share)))
    assert norm(steps.propose(MODEL)) / 5 == pytest.approx(wanted)


def test_a_step_is_divided_by_ten_at_most_and_is_whole_again_after_a_success() -> None:
    steps = GaussNewton()
    steps.rejected(-math.inf, 5.0)
    steps.rejected(-1e300, 0.5)
    assert norm(steps.propose(MODEL)) == pytest.approx(0.05)
    steps.accepted(1.0, 0.05)
    assert norm(steps.propose(MODEL)) == pytest.approx(5)


@pytest.mark.parametrize(
    ("gain", "wanted"), [(1.0, 1.0), (0.75, 1.0), (0.7, 1 / 1.3), (0.1, 1 / 1.9), (1e-4, 1 / 1.9999)]
)
def test_a_whole_step_that_gains_little_is_followed_by_the_share_that_would_have_gained_most(
    gain: float, wanted: float
) -> None:
    """The cost along t times the step falls by 25 (t - b t^2), which is 25 gain / 2 at 1; it is lowest at 1 / (2 b)."""
    steps = GaussNewton()
    steps.propose(MODEL)
    steps.accepted(gain, 5.0)
    assert norm(steps.propose(MODEL)) / 5 == pytest.approx(wanted)


@pytest.mark.parametrize("factor", [1, 10, 100])
def test_where_whole_steps_overshoot_for_ever_it_ends(factor: float) -> None:
    """Brown and Dennis's residuals are large: whole steps take more than 1,000 calls."""
    problem = PROBLEMS["brown-dennis"]
    fit = least_squares(problem.residual, factor * problem.start, problem.jacobian, method="gauss-newton")
    assert fit.success
    assert fit.nfev < 500
    assert 2 * fit.cost == pytest.approx(problem.minima[0], rel=1e-10)


def test_where_simple_differences_are_at_their_noise_central_ones_take_over() -> None:
    """Powell's singular function, whose columns end as short as the steps of simple differences."""
    problem = PROBLEMS["powell-singular"]
    fit = least_squares(problem.residual, problem.start, method="gauss-newton")
    assert fit.success
    assert fit.nfev < 1000
