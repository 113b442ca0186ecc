"""Does Adam converge? Not on this: a large gradient every third step, small ones the other way in between."""

from __future__ import annotations

from math import sqrt

import numpy as np

from onepass.arrays import Array
from onepass.lab.claims.chart import Chart, Line
from onepass.lab.claims.claim import Check, Claim, Number, Outcome, Setup
from onepass.lab.descent import descend
from onepass.optimizer import Optimizer
from onepass.optimizers import Adam, AMSGrad
from onepass.schedules import InverseSqrtLR

LARGE, LR = 3.0, 0.5
STEPS, QUICK_STEPS = 30_000, 6000
BETAS = (0.0, 1 / (1 + LARGE**2))


def experiment(setup: Setup) -> Outcome:
    """f_t(x) = 3x at every third step from the first on, else -x, on [-1, 1]; the best x is -1 (theorem 1)."""
    steps = QUICK_STEPS if setup.quick else STEPS
    adam, amsgrad = _way(Adam, steps), _way(AMSGrad, steps)
    return Outcome(
        checks=(
            Check("Adam ends nearer to 1, the worst point, than to -1", adam[-1] > 0),
            Check("AMSGrad ends nearer to -1, the best point", amsgrad[-1] < 0),
        ),
        numbers=(
            Number("end: Adam", adam[-1], 1.0),
            Number("end: AMSGrad", amsgrad[-1], _amsgrad_end(steps), 1e-7),
            Number("steps", steps),
        ),
        chart=Chart(
            tuple(
                Line.of(label, way[3::3], np.arange(3, steps + 1, 3), log_x=True)
                for label, way in (("Adam", adam), ("AMSGrad", amsgrad))
            ),
            "step",
            "x after every third step (the best is -1)",
            log_x=True,
        ),
    )


def _way(method: type[Optimizer], steps: int) -> Array:
    return descend(
        method,
        [0],
        lambda points, step: np.full_like(points, -1.0 if step % 3 else LARGE),
        steps,
        lr=LR,
        betas=BETAS,
        eps=0.0,
        before=InverseSqrtLR(warmup_steps=1).attach,
        after_step=lambda points: points.clip(-1, 1, out=points),
    )[:, 0]


def _amsgrad_end(steps: int) -> float:
    """From -1, where every large gradient leads, two small ones up, each lr / sqrt(t) over the root of the largest v.

    With b = beta2, that v is the one after a large gradient C: v = b (b (b v + 1 - b) + 1 - b) + (1 - b) C^2.
    """
    b = BETAS[1]
    largest = (1 - b) * (LARGE**2 + b + b**2) / (1 - b**3)
    return -1 + LR / sqrt(largest) * (1 / sqrt(steps) + 1 / sqrt(steps - 1))


CLAIM = Claim(
    "adam-diverges",
    "Adam does not converge on some simple problems.",
    "Reddi, Kale & Kumar 2018, theorem 1",
    experiment,
)
