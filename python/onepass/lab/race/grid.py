"""Where does every racer go for every learning rate and momentum of the page's sliders?"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import numpy as np

from onepass.arrays import Array
from onepass.lab.race.outcome import Run, race, up_to_the_edge
from onepass.lab.race.racers import ways
from onepass.lab.race.relief import drawn, ranges
from onepass.lab.race.solvers import SOLVERS, solver_racer
from onepass.lab.race.surfaces import Surface
from onepass.lab.settings import all_optimizers

LEARNING_RATES = tuple(float(f"{digit}e{power}") for power in range(-4, 1) for digit in (1, 2, 5))
MOMENTA = (0.0, 0.5, 0.8, 0.9, 0.95, 0.99)
STEPS = 200

#: A point nearer to the last drawn one than this share of the region is not drawn.
_VISIBLE = 0.004


def momentum_setting(name: str, momentum: float) -> dict[str, Any] | None:
    """The hyper-parameters that give an optimizer this momentum; None for one that has none unless it is asked to."""
    if name in SOLVERS:
        return None
    parameters = inspect.signature(all_optimizers()[name]).parameters
    if "betas" in parameters:
        return {"betas": (momentum, *parameters["betas"].default[1:])}
    if "momentum" in parameters and parameters["momentum"].default > 0:
        return {"momentum": momentum}
    return None


def runs_for(name: str, surface: Surface, setting: Mapping[str, Any], seed: int) -> list[Run]:
    """One run for each learning rate; a method that has none goes the same way for all."""
    if name in SOLVERS:
        return [race(solver_racer(name), surface, STEPS, seed)] * len(LEARNING_RATES)
    found = ways(name, surface, LEARNING_RATES, STEPS, seed, **setting).transpose(1, 0, 2)
    return [
        Run(name, lr, surface, up_to_the_edge(way, surface, STEPS))
        for lr, way in zip(LEARNING_RATES, found, strict=True)
    ]


def line(run: Run) -> Array:
    """What is drawn of a run, (2, points) of float32: across and up, without points that the eye cannot tell apart."""
    points = drawn(run.drawn)
    scaled = points / np.diff(ranges(run.surface, STEPS)).T
    kept = [0]
    for index in range(1, len(points)):
        if np.abs(scaled[index] - scaled[kept[-1]]).max() >= _VISIBLE or index == len(points) - 1:
            kept.append(index)
    return np.ascontiguousarray(points[kept].T, np.float32)
