"""Which learning rates are too small, which too large? On a quadratic the limit is 2 / L."""

from __future__ import annotations

from math import ceil, log

import numpy as np

from onepass.lab.claims.chart import Chart, Line
from onepass.lab.claims.claim import Check, Claim, Number, Outcome, Setup
from onepass.lab.claims.quadratic import Quadratic
from onepass.lab.descent import descend, descents, steps_to
from onepass.optimizers import SGD

SMALL, LARGE = 0.2, 4.0
GOAL, STEPS = 1e-3, 8000


def experiment(setup: Setup) -> Outcome:
    """0.1 x^2 + 2 y^2, whose curvatures are 0.2 and 4; and x^2 from 10, ten steps."""
    hill = Quadratic.along_axes([SMALL, LARGE])
    limit = _limit(hill)
    lrs = np.array([0.01, 0.1, 1, 1.01]) * 2 / (LARGE + SMALL)
    lrs[-1] = 1.01 * 2 / LARGE
    ways = abs(descents(SGD, [1, 1], hill.gradient, STEPS, lrs)).max(axis=2)
    steps = steps_to(ways, GOAL)
    parabola = Quadratic.along_axes([2])
    ends = [descend(SGD, [10], parabola.gradient, 10, lr=lr)[-1, 0] for lr in (0.2, 0.05, 1.1)]
    labels = ("lr a hundredth of the best", "a tenth", "the best, 2 / (L + l)", "1.01 times the limit 2 / L")
    return Outcome(
        checks=(
            Check("a hundredth of the best lr takes more than 50 times as many steps", steps[0] > 50 * steps[2]),
            Check("1 % above 2 / L it diverges", ways[-1, 3] > ways[0, 3]),
        ),
        numbers=(
            Number("limit", limit, 2 / LARGE, 1e-9),
            Number("steps to 1e-3: best lr", steps[2], ceil(log(GOAL) / log(1 - lrs[2] * SMALL))),
            Number("steps to 1e-3: a hundredth of it", steps[0], ceil(log(GOAL) / log(1 - lrs[0] * SMALL))),
            Number("x^2 from 10 after 10 steps: lr 0.2", ends[0], 10 * 0.6**10, 1e-13),
            Number("x^2 from 10 after 10 steps: lr 0.05", ends[1], 10 * 0.9**10, 1e-13),
            Number("x^2 from 10 after 10 steps: lr 1.1", ends[2], 10 * 1.2**10, 1e-12),
        ),
        chart=Chart(
            tuple(Line.of(label, way[:301]) for label, way in zip(labels, ways.T, strict=True)),
            "step",
            "distance from the minimum",
            log_y=True,
            y_range=(1e-4, 1e3),
        ),
    )


def _limit(hill: Quadratic) -> float:
    """The largest learning rate that does not diverge, by bisection."""
    low, high = 0.0, 1.0
    for _ in range(45):
        middle = (low + high) / 2
        way = descend(SGD, [0, 1], hill.gradient, 200, lr=middle)
        low, high = (low, middle) if abs(way[-1, 1]) > 1 else (middle, high)
    return low


CLAIM = Claim(
    "learning-rate",
    "Too small a learning rate is slow, too large a one diverges.",
    "Zhang et al., Dive into deep learning, section 12.3",
    experiment,
)
