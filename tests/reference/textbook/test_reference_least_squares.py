"""Does `onepass.solve.squares.least_squares` take the path of its references, and do these do what theory says?"""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from more_garbow_hillstrom import PROBLEMS, Function, Problem
from paths import assert_followed

from onepass.arrays import Array
from onepass.reference import textbook as reference
from onepass.reference.textbook.levenberg_marquardt import LevenbergMarquardt
from onepass.solve import least_squares
from onepass.solve.squares.settings import Method

#: Curved valleys, failures of full steps, scales of parameters far apart; paths that are no shorter than this.
NAMES = (
    "rosenbrock",
    "freudenstein-roth",
    "powell-badly-scaled",
    "helical-valley",
    "meyer",
    "powell-singular",
    "wood",
    "kowalik-osborne",
    "brown-dennis",
    "osborne-1",
    "osborne-2",
)
LEAST, STEPS = 5, 15


@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid")
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("method", get_args(Method))
def test_the_path_is_the_references(method: str, name: str) -> None:
    problem = PROBLEMS[name]
    x0 = problem.start.astype(float)
    found: list[Array] = [x0]
    least_squares(problem.residual, x0, problem.jacobian, method=method, ftol=0, xtol=0, gtol=0, callback=found.append)

    def path(residual: Function, jacobian: Function) -> list[Array]:
        return reference.least_squares(residual, jacobian, x0, method, iterations=STEPS)

    assert_followed(decreasing(found, problem), path, [problem.residual, problem.jacobian], LEAST)


def decreasing(points: list[Array], problem: Problem) -> list[Array]:
    """The points until the sum of squares changes by its rounding alone, which then decides which steps are taken."""
    sums = np.array([problem.squares(x) for x in points])
    still = sums[1:] < sums[:-1] * (1 - 1e-12)
    return points[: 1 + int(np.cumprod(still).sum())]


def test_gauss_newton_solves_a_linear_problem_in_one_step(rng: np.random.Generator) -> None:
    a, b = rng.standard_normal((9, 4)), rng.standard_normal(9)
    points = reference.least_squares(lambda x: a @ x - b, lambda x: a, np.ones(4), "gauss-newton", iterations=1)
    np.testing.assert_allclose(points[-1], np.linalg.solve(a.T @ a, a.T @ b), rtol=1e-12)


def test_a_damped_step_solves_the_damped_normal_equations(rng: np.random.Generator) -> None:
    a, f = rng.standard_normal((9, 4)), rng.standard_normal(9)
    steps = LevenbergMarquardt(np.ones(4))
    steps.radius = 0.1
    p = steps.step(a, f)
    assert steps.mu > 0
    assert np.linalg.norm(p) == pytest.approx(0.1, rel=0.1)
    np.testing.assert_allclose(p, -np.linalg.solve(a.T @ a + steps.mu * np.eye(4), a.T @ f), rtol=1e-12)
