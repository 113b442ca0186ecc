"""Does momentum accelerate? Rates on an ill-conditioned quadratic, beside the optimal ones of theory."""

from __future__ import annotations

from math import log, sqrt

import numpy as np

from onepass.arrays import Array
from onepass.lab.claims.chart import Chart, Line
from onepass.lab.claims.claim import Check, Claim, Number, Outcome, Setup
from onepass.lab.claims.quadratic import Quadratic
from onepass.lab.descent import descend, steps_to
from onepass.optimizers import SGD, Momentum

SMALL, LARGE = 0.04, 4.0
CONDITION = LARGE / SMALL
STEPS, GOAL = 3000, 1e-6


def experiment(setup: Setup) -> Outcome:
    """Both with their best hyper-parameters (Polyak 1964): rates (k - 1)/(k + 1) and (sqrt k - 1)/(sqrt k + 1)."""
    plain_rate = (CONDITION - 1) / (CONDITION + 1)
    momentum_rate = (sqrt(CONDITION) - 1) / (sqrt(CONDITION) + 1)
    hill = Quadratic.along_axes([SMALL, LARGE])
    plain = descend(SGD, [1, 1], hill.gradient, STEPS, lr=2 / (LARGE + SMALL))
    best_lr = 4 / (sqrt(LARGE) + sqrt(SMALL)) ** 2
    heavy = descend(Momentum, [1, 1], hill.gradient, STEPS, lr=best_lr, momentum=momentum_rate**2)
    distances = {name: abs(way).max(axis=1) for name, way in (("plain", plain), ("with momentum", heavy))}
    steps = {name: steps_to(distance[:, np.newaxis], GOAL)[0] for name, distance in distances.items()}
    gain = steps["plain"] / steps["with momentum"]
    return Outcome(
        checks=(
            Check("momentum's rate is below that of plain descent", _rate(heavy) < _rate(plain)),
            Check("momentum needs less than half the steps", gain > 2),
        ),
        numbers=(
            Number("rate: plain", _rate(plain), plain_rate, 1e-9),
            # At the best momentum both roots are one: t * rate^t, whose t is gone only in the limit.
            Number("rate: with momentum", _rate(heavy), momentum_rate, 1e-3),
            Number("steps to 1e-6: plain", steps["plain"], np.ceil(log(GOAL) / log(plain_rate))),
            Number("steps to 1e-6: with momentum", steps["with momentum"]),
            Number("condition", CONDITION),
        ),
        chart=Chart(
            tuple(Line.of(name, distance[:800]) for name, distance in distances.items()),
            "step",
            "distance from the minimum",
            log_y=True,
            y_range=(1e-12, 1e2),
        ),
    )


def _rate(way: Array) -> float:
    """The factor per step, in the second half of the steps that are above rounding to zero."""
    distance = abs(way).max(axis=1)
    end = STEPS // 2
    return float((distance[end] / distance[end // 2]) ** (1 / (end - end // 2)))


CLAIM = Claim(
    "momentum-accelerates",
    "Momentum accelerates on a badly conditioned problem.",
    "Polyak 1964",
    experiment,
)
