"""Do the second-order methods race as they solve, one gradient at a time?"""

from __future__ import annotations

import numpy as np
import pytest

from onepass.lab.race.outcome import STEPS, Outcome, race
from onepass.lab.race.solvers import SOLVERS, solver_racer, way
from onepass.lab.race.surfaces import SURFACES
from onepass.solve import minimize

EVERY = pytest.mark.parametrize("name", SOLVERS)


@EVERY
def test_the_points_are_those_of_minimize(name: str) -> None:
    surface, visited = SURFACES["rosenbrock"], []
    result = minimize(
        surface.value,
        surface.start,
        jac=surface.gradient,
        hess=surface.hessian if name == "Newton" else None,
        method=SOLVERS[name],
        callback=visited.append,
        options={"maxiter": STEPS},
    )
    points = np.array(way(SOLVERS[name], surface, STEPS, seed=0))
    assert points.shape == (STEPS + 1, 2)
    moved = np.flatnonzero((np.diff(points, axis=0) != 0).any(axis=1)) + 1
    np.testing.assert_array_equal(points[moved], visited[: len(moved)])
    if result.njev + result.nhev < STEPS:
        assert len(moved) == len(visited) == result.nit
        assert moved[-1] <= result.njev + result.nhev  # every gradient and every Hessian is a step


@EVERY
def test_they_arrive(name: str) -> None:
    for surface in ("beale", "ill-conditioned", "himmelblau"):
        assert race(solver_racer(name), SURFACES[surface], STEPS).outcome is Outcome.REACHED


def test_newton_needs_three_steps_for_a_bowl() -> None:
    """One gradient at the start, a Hessian, and a gradient at the minimum, where the first step leads."""
    run = race(solver_racer("Newton"), SURFACES["ill-conditioned"], 10)
    assert run.steps == 3
    np.testing.assert_array_equal(run.points[:3], [run.points[0]] * 3)
    np.testing.assert_allclose(run.points[3:], 0, atol=1e-15)


@EVERY
def test_few_steps_are_not_exceeded(name: str) -> None:
    points = np.array(way(SOLVERS[name], SURFACES["rosenbrock"], 5, seed=0))
    np.testing.assert_array_equal(points, way(SOLVERS[name], SURFACES["rosenbrock"], STEPS, seed=0)[:6])


@EVERY
def test_it_falls_over_the_edge_of_the_saddle(name: str) -> None:
    run = race(solver_racer(name), SURFACES["saddle"], STEPS)
    assert run.outcome is Outcome.FELL
    assert np.isfinite(run.drawn).all()


def test_noise_stops_a_line_search_and_the_seed_decides_where() -> None:
    ends = [way("bfgs", SURFACES["noisy"], STEPS, seed)[-1].tolist() for seed in (0, 0, 1)]
    assert ends[0] == ends[1] != ends[2]
