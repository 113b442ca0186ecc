"""Is Adam the better choice on badly conditioned problems? Along the axes, turned, and beside momentum."""

from __future__ import annotations

from typing import Any

import numpy as np

from onepass.arrays import Array
from onepass.lab.claims.chart import Chart, Line
from onepass.lab.claims.claim import Check, Claim, Number, Outcome, Setup
from onepass.lab.claims.quadratic import Quadratic
from onepass.lab.descent import descents, steps_to
from onepass.optimizer import Optimizer
from onepass.optimizers import SGD, Adam, Momentum

SIZE, CONDITION, GOAL = 20, 1e4, 1e-4
METHODS: tuple[tuple[type[Optimizer], tuple[float, float]], ...] = (
    (SGD, (0.1, 1.95)),
    (Momentum, (0.1, 3.75)),
    (Adam, (1e-3, 1)),
)


def experiment(setup: Setup) -> Outcome:
    """Curvatures from 1e-4 to 1, from a random start, each with its best learning rate; momentum is 0.9."""
    rng = setup.rng()
    curvatures = np.geomspace(1 / CONDITION, 1, SIZE)
    start = rng.standard_normal(SIZE)
    rates, steps = (9, 2000) if setup.quick else (25, 4000)
    hills = {"axes": Quadratic.along_axes(curvatures), "turned": Quadratic.turned(curvatures, rng)}
    best = {
        (where, method.__name__): _best(method, np.geomspace(*limits, rates), hill, start, steps)
        for where, hill in hills.items()
        for method, limits in METHODS
    }
    count = {key: steps_to(values[:, np.newaxis], GOAL)[0] for key, values in best.items()}
    return Outcome(
        checks=tuple(
            Check(f"{words}: Adam needs fewer steps than {other}", count[where, "Adam"] < count[where, other])
            for where, words in (("axes", "curvature along the axes"), ("turned", "turned"))
            for other in ("SGD", "Momentum")
        ),
        numbers=tuple(
            Number(f"steps to 1e-4, {where}: {method}", steps_needed) for (where, method), steps_needed in count.items()
        ),
        chart=Chart(
            tuple(Line.of(f"{method}, {where}", values[:1501]) for (where, method), values in best.items()),
            "step",
            "value / value at the start",
            log_y=True,
            y_range=(1e-6, 2),
        ),
    )


def _best(method: type[Optimizer], lrs: Array, hill: Quadratic, start: Array, steps: int) -> Array:
    """The values, divided by the first, with the learning rate that first stays below the goal."""
    hyperparameters: dict[str, Any] = {"momentum": 0.9} if method is Momentum else {}
    values = hill.values(descents(method, start, hill.gradient, steps, lrs, **hyperparameters))
    values /= values[0]
    return np.asarray(values[:, steps_to(values, GOAL).argmin()])


CLAIM = Claim(
    "adam-ill-conditioned",
    "Adam is faster than SGD on badly conditioned problems.",
    "Kingma & Ba 2015; Ruder 2016",
    experiment,
)
