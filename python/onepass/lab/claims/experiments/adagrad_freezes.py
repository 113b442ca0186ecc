"""Does AdaGrad freeze? Its step under a constant gradient, and how fast it follows a minimum that jumps."""

from __future__ import annotations

import numpy as np

from onepass.lab.claims.chart import Chart, Line
from onepass.lab.claims.claim import Check, Claim, Number, Outcome, Setup
from onepass.lab.claims.moving_target import follow, steps_per_jump
from onepass.lab.descent import descend
from onepass.optimizers import SGD, Adagrad

LR, STEPS = 0.5, 10_000
JUMPS, QUICK_JUMPS = 8, 4


def experiment(setup: Setup) -> Outcome:
    """Under a constant gradient, step t is lr / sqrt(t)."""
    way = descend(Adagrad, [0], lambda points, step: np.ones_like(points), STEPS, lr=LR)[:, 0]
    moves = -np.diff(way)
    jumps = QUICK_JUMPS if setup.quick else JUMPS
    steps = steps_per_jump(follow(Adagrad, jumps, LR))
    plain = steps_per_jump(follow(SGD, jumps, 0.05))
    return Outcome(
        checks=(
            Check(
                "under a constant gradient step 10,000 is less than a fiftieth of step 1",
                50 * moves[-1] < moves[0],
            ),
            Check(
                "it needs more than three times the first steps to follow the minimum at last",
                steps[-1] > 3 * steps[0],
            ),
            Check("SGD does not", plain[-1] <= 3 * plain[0]),
        ),
        numbers=(
            Number("step 100 / step 1", moves[99] / moves[0], 0.1, 1e-9),
            Number("step 10,000 / step 1", moves[-1] / moves[0], 0.01, 1e-9),
            Number("steps to the minimum: AdaGrad, first", steps[0]),
            Number(f"steps to the minimum: AdaGrad, after {jumps - 1} jumps", steps[-1]),
            Number("steps to the minimum: SGD, first", plain[0]),
            Number(f"steps to the minimum: SGD, after {jumps - 1} jumps", plain[-1]),
        ),
        chart=Chart(
            (
                Line.of("AdaGrad", steps, np.arange(jumps)),
                Line.of("SGD", plain, np.arange(jumps)),
            ),
            "jumps of the minimum so far",
            "steps to reach it",
        ),
    )


CLAIM = Claim(
    "adagrad-freezes",
    "AdaGrad's steps shrink until it freezes.",
    "Zeiler 2012; Ruder 2016",
    experiment,
)
