"""Does momentum damp oscillation? Where plain descent oscillates, and where it does not."""

from __future__ import annotations

import numpy as np

from onepass.arrays import Array
from onepass.lab.claims.chart import Chart, Line
from onepass.lab.claims.claim import Check, Claim, Number, Outcome, Setup
from onepass.lab.claims.quadratic import Quadratic
from onepass.lab.descent import descend
from onepass.optimizers import SGD, Momentum

START, STEPS = (-5.0, -2.0), 20
STEEP, GENTLE = 0.6, 0.1


def experiment(setup: Setup) -> Outcome:
    """0.1 x^2 + 2 y^2: along y, lr 0.6 is above the limit of plain descent, and with lr 0.1 it does not oscillate."""
    hill = Quadratic.along_axes([0.2, 4])
    diverging = descend(SGD, START, hill.gradient, STEPS, lr=STEEP)
    damped = descend(Momentum, START, hill.gradient, STEPS, lr=STEEP, momentum=0.5)
    smooth = descend(SGD, START, hill.gradient, STEPS, lr=GENTLE)
    swinging = descend(Momentum, START, hill.gradient, STEPS, lr=GENTLE, momentum=0.9)
    return Outcome(
        checks=(
            Check(
                "with lr 0.6 and momentum 0.5, y swings less far than without momentum",
                abs(damped[-1, 1]) < abs(diverging[-1, 1]),
            ),
            Check(
                "with lr 0.1 and momentum 0.9, y changes its sign no more often than without momentum",
                _turns(swinging) <= _turns(smooth),
            ),
        ),
        numbers=(
            Number("lr 0.6, y after 20 steps: plain", diverging[-1, 1], -1673.365108505695, 1e-8),
            Number("lr 0.6, y after 20 steps: momentum 0.5", damped[-1, 1], 0.002553274755, 1e-11),
            Number("lr 0.1, changes of y's sign: plain", _turns(smooth), 0),
            Number("lr 0.1, changes of y's sign: momentum 0.9", _turns(swinging)),
        ),
        chart=Chart(
            (
                Line.of("lr 0.6, plain", diverging[:, 1]),
                Line.of("lr 0.6, momentum 0.5", damped[:, 1]),
                Line.of("lr 0.1, plain", smooth[:, 1]),
                Line.of("lr 0.1, momentum 0.9", swinging[:, 1]),
            ),
            "step",
            "y, along the steep direction",
            y_range=(-8, 8),
        ),
    )


def _turns(way: Array) -> int:
    """How often y changes its sign."""
    return int(np.count_nonzero(np.diff(np.sign(way[:, 1]))))


CLAIM = Claim(
    "momentum-damps",
    "Momentum damps oscillation.",
    "Zhang et al., Dive into deep learning, section 12.6 (traces)",
    experiment,
)
