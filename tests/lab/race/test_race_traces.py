"""Trajectories that any correct implementation reproduces, to the printed digits, run as races (d2l.ai, chapter 12)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from cases import shown

import onepass as op
from onepass.arrays import Array
from onepass.lab.race.functions import Quadratic
from onepass.lab.race.outcome import Outcome, race
from onepass.lab.race.racers import Racer, optimizer_racer
from onepass.lab.race.surfaces import Surface


def bowl(*curvatures: float, start: tuple[float, ...], edge: float = np.inf) -> Surface:
    function = Quadratic(*curvatures)
    at = (0.0,) * len(start)
    region = ((-edge, edge),) * len(start)
    return Surface("bowl", "A bowl", "c x²", function.value, function.gradient, function.hessian, start, region, (at,))


STEEP = bowl(1.0, 2.0, start=(-5.0, -2.0))
FLAT = bowl(0.1, 2.0, start=(-5.0, -2.0))


@pytest.mark.parametrize(
    ("lr", "end"), [(0.2, 0.06046617599999997), (0.05, 3.4867844009999995), (1.1, 61.917364224000096)]
)
def test_a_parabola(lr: float, end: float) -> None:
    run = race(optimizer_racer("SGD", lr), bowl(1.0, start=(10.0,)), steps=10)
    assert run.points.shape == (11, 1)
    assert run.points[-1, 0] == pytest.approx(end, rel=1e-14)


@pytest.mark.parametrize(
    ("surface", "name", "settings", "end"),
    [
        (STEEP, "SGD", {"lr": 0.1}, (-0.057646075230, -0.00007312316880)),
        (FLAT, "SGD", {"lr": 0.4}, (-0.943466645814, -0.00007312316880)),
        (FLAT, "SGD", {"lr": 0.6}, (-5 * 0.88**20, -1673.365108505695)),
        (FLAT, "Momentum", {"lr": 0.4, "momentum": 0.5}, (-0.062843455030, 0.001202335572)),
        (FLAT, "Momentum", {"lr": 0.6, "momentum": 0.5}, (0.007187866737, 0.002553274755)),
        # eps inside the root is an accumulator that starts at eps.
        (
            FLAT,
            "Adagrad",
            {"lr": 0.4, "initial_accumulator_value": 1e-6, "eps": 0.0},
            (-2.382562771980, -0.158590550037),
        ),
    ],
    ids=shown,
)
def test_two_parameters(surface: Surface, name: str, settings: dict[str, Any], end: tuple[float, float]) -> None:
    run = race(optimizer_racer(name, **settings), surface, steps=20)
    assert [f"{value:.12f}" for value in run.points[-1]] == [f"{value:.12f}" for value in end]


def test_the_one_that_diverges_stops_at_the_edge() -> None:
    run = race(optimizer_racer("SGD", 0.6), bowl(0.1, 2.0, start=(-5.0, -2.0), edge=6.0), steps=20)
    assert run.outcome is Outcome.DIVERGED
    assert run.points[:, 1].tolist() == pytest.approx([-2 * (-1.4) ** step for step in range(5)])


def test_a_racer_of_ones_own() -> None:
    """RMSprop with eps inside the root, which is Adadelta with what it multiplies held at 1."""

    def way(surface: Surface, steps: int, seed: int) -> Iterator[Array]:
        x = np.array(surface.start)
        optimizer = op.Adadelta([x], lr=0.4, rho=0.9, eps=1e-6)
        while True:  # the race takes as many as it needs
            yield x.copy()
            optimizer.state[0]["acc_delta"][...] = 1 - 1e-6
            optimizer.step([surface.gradient(x)])

    run = race(Racer("RMSprop, eps inside", 0.4, way), FLAT, steps=20)
    assert len(run.points) == 21
    assert f"{run.points[-1, 0]:.12f}" == "-0.010598672134"
    assert run.points[-1, 1] == pytest.approx(1.0e-14, rel=0.05)
