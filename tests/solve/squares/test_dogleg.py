"""Does the dogleg's first step make sense, wherever the start is?"""

from __future__ import annotations

import numpy as np
import pytest
from more_garbow_hillstrom import PROBLEMS

from onepass.arrays import Array
from onepass.solve import least_squares
from onepass.solve.squares.dogleg import Dogleg
from onepass.solve.squares.linear_model import LinearModel, norm


@pytest.fixture
def model(rng: np.random.Generator) -> LinearModel:
    a = rng.standard_normal((9, 4)) * [1, 3, 10, 30]
    return LinearModel(a / np.linalg.norm(a, axis=0), rng.standard_normal(9))


def test_the_first_radius_is_the_longer_one_of_the_start_and_the_cauchy_step(model: LinearModel) -> None:
    cauchy, newton = model.cauchy(), model.newton()
    between = 0.5 * (norm(cauchy) + norm(newton))
    steps: list[Array] = [Dogleg(length).propose(model) for length in (0.0, 1e-30, between, 2 * norm(newton))]
    for step, wanted in zip(steps, (cauchy, cauchy, None, newton), strict=True):
        if wanted is not None:
            np.testing.assert_allclose(step, wanted, rtol=1e-14)
    assert norm(steps[2]) == pytest.approx(between)


@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid")
def test_a_start_that_is_short_in_scaled_variables_is_no_success() -> None:
    """The parameter that is not 0 counts for nothing, as its exponential has underflown; the gradient is 1e5."""
    problem = PROBLEMS["powell-badly-scaled"]
    fit = least_squares(problem.residual, np.array([0.0, 100.0]), problem.jacobian, method="dogleg")
    assert not fit.success or fit.cost < 1e-20
