"""Is a failed Gauss-Newton step cut as much as it asks for?"""

from __future__ import annotations

import math

import numpy as np
import pytest

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
