"""Is it told truly what became of a racer, and is it drawn where it went?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from onepass.lab.race.outcome import STEPS, Outcome, Run, race
from onepass.lab.race.racers import Racer, optimizer_racer, ways
from onepass.lab.race.rates import rate
from onepass.lab.race.surfaces import SURFACES
from onepass.lab.settings import all_optimizers


def through(surface: str, *points: Any, steps: int = 100) -> Run:
    """The run of a racer that visits these points."""
    visited = [np.atleast_1d(np.array(point, float)) for point in points]
    return race(Racer("tourist", None, lambda *_: visited), SURFACES[surface], steps)


@pytest.mark.parametrize(
    ("surface", "points", "outcome", "steps"),
    [
        ("x-cos", (-0.8, 1.09, 0.5, 1.1, 1.09), Outcome.REACHED, 3),
        ("x-cos", (1.09, 1.08), Outcome.REACHED, 0),
        ("x-cos", (-0.8, 1.09, -0.27), Outcome.LOCAL, None),
        ("x-cos", (-0.8, 1.09, 0.3), Outcome.UNDER_WAY, None),
        ("x-cos", (-0.8, 1.09, 2.1, 1.09), Outcome.DIVERGED, 2),
        ("x-cos", (-0.8, np.nan), Outcome.DIVERGED, 1),
        ("cubic", (1, 0.5, -2.1), Outcome.FELL, 2),
        ("cubic", (1, 2.1), Outcome.DIVERGED, 1),
        ("cubic", (1, -np.inf), Outcome.FELL, 1),
        ("cubic", (1, np.nan), Outcome.DIVERGED, 1),
        ("cubic", (1, 0), Outcome.UNDER_WAY, None),
        ("saddle", ((-1.5, 0.01), (-2.5, 0.1)), Outcome.DIVERGED, 1),
        ("saddle", ((-1.5, 0.01), (-0.5, 2.1)), Outcome.FELL, 1),
        ("himmelblau", ((0, -1), (3, 2), (-3.8, -3.3)), Outcome.REACHED, 1),
    ],
    ids=str,
)
def test_outcomes(surface: str, points: tuple[Any, ...], outcome: Outcome, steps: int | None) -> None:
    run = through(surface, *points)
    assert run.outcome is outcome
    assert run.steps == steps
    assert run.described()["outcome"] == outcome.value


def test_it_ends_with_the_first_point_outside() -> None:
    run = through("cubic", 1, 0, -3, 5, 0)
    assert run.points[:, 0].tolist() == [1, 0, -3]
    assert run.value == -27
    assert through("cubic", 1, 0.5, 0, 0.5, steps=2).points[:, 0].tolist() == [1, 0.5, 0]


@pytest.mark.parametrize(
    ("outside", "edge"),
    [
        ((3.0, 0.0), (2.0, 0.0)),
        ((4.0, -4.0), (2.0, -2.0)),
        ((1.0, 8.0), (0.25, 2.0)),
        ((-8.0, 4.0), (-2.0, 1.0)),
        ((np.inf, 0.0), (2.0, 0.0)),
        ((np.nan, -4.0), (0.0, -2.0)),
        ((np.nan, np.nan), (0.0, 0.0)),
    ],
    ids=str,
)
def test_it_is_drawn_to_the_edge(outside: tuple[float, float], edge: tuple[float, float]) -> None:
    drawn = through("saddle", (-1.5, 0.01), (0, 0), outside).drawn
    np.testing.assert_allclose(drawn, [(-1.5, 0.01), (0, 0), edge], atol=1e-15)


def test_one_that_stays_is_drawn_as_it_is() -> None:
    run = through("saddle", (-1.5, 0.01), (2, 2))
    np.testing.assert_array_equal(run.drawn, run.points)


@pytest.mark.parametrize("name", all_optimizers())
def test_the_way_is_the_optimizers(name: str) -> None:
    surface = SURFACES["beale"]
    x = np.array(surface.start)
    optimizer = all_optimizers()[name]([x], lr=0.001)
    run = race(optimizer_racer(name, 0.001), surface, 50)
    assert run.points.dtype == np.float64
    for point in run.points:
        np.testing.assert_array_equal(point, x)
        optimizer.step([surface.gradient(x)])
    assert (run.points[0] == surface.start).all()
    assert len(run.points) == 51


def test_side_by_side_is_one_by_one() -> None:
    surface, lrs = SURFACES["noisy"], (0.001, 0.01, 0.1)
    found = ways("Momentum", surface, lrs, 30, seed=5, momentum=0.5)
    assert found.shape == (31, 3, 2)
    for index, lr in enumerate(lrs):
        alone = race(optimizer_racer("Momentum", lr, momentum=0.5), surface, 30, seed=5)
        np.testing.assert_array_equal(found[:, index], alone.points)
    assert (found[1:] != ways("Momentum", surface, lrs, 30, seed=6, momentum=0.5)[1:]).all()


def outcome(name: str, surface: str) -> Outcome:
    return race(optimizer_racer(name, rate(name, SURFACES[surface])), SURFACES[surface], STEPS).outcome


def test_what_the_page_says_of_the_one_dimensional_ones() -> None:
    """Momentum rolls over the hill, others stay in the first valley; x³ stops what has no momentum."""
    assert outcome("Momentum", "x-cos") is Outcome.REACHED
    for name in ("SGD", "Nesterov", "Adagrad", "Adadelta", "RMSprop", "Adam"):
        assert outcome(name, "x-cos") is Outcome.LOCAL
    for name in ("Momentum", "Nesterov", "Adam"):
        assert outcome(name, "cubic") is Outcome.FELL
    for name in ("SGD", "Adagrad", "Adadelta", "RMSprop"):
        assert outcome(name, "cubic") is Outcome.UNDER_WAY
    for name in all_optimizers():
        assert outcome(name, "saddle") is Outcome.FELL


def test_newton_beside_the_optimizers() -> None:
    """A second-order method is a racer like any other."""

    def newton(surface: Any, steps: int, seed: int) -> Any:
        x, curvatures = np.array(surface.start), np.array([0.2, 4.0])
        for _ in range(steps + 1):
            yield x
            x = x - surface.gradient(x) / curvatures

    run = race(Racer("Newton", None, newton), SURFACES["ill-conditioned"], 5)
    assert run.steps == 1
    assert run.value == 0
