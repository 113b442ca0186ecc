"""Is RMSProp biased at first? Its first steps beside those of Adam, which corrects the start of its average at zero."""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np

from onepass.arrays import Array
from onepass.lab.claims.chart import Chart, Line
from onepass.lab.claims.claim import Check, Claim, Number, Outcome, Setup
from onepass.lab.descent import descend
from onepass.optimizers import Adam, RMSprop

RHO, LR, STEPS = 0.99, 1.0, 1000


def experiment(setup: Setup) -> Outcome:
    """Under a constant gradient, step t of RMSProp is lr / sqrt(1 - rho^t)."""
    rmsprop = _moves(RMSprop, alpha=RHO)
    corrected = _moves(Adam, betas=(0.0, RHO))
    return Outcome(
        checks=(
            Check("RMSProp's first step is more than twice as long as lr", rmsprop[0] > 2 * LR),
            Check("with the correction (Adam with beta1 = 0) it is not", corrected[0] <= 2 * LR),
        ),
        numbers=(
            Number("length / lr: step 1", rmsprop[0] / LR, 1 / sqrt(1 - RHO), 1e-9),
            Number("length / lr: step 10", rmsprop[9] / LR, 1 / sqrt(1 - RHO**10), 1e-9),
            Number("length / lr: step 100", rmsprop[99] / LR, 1 / sqrt(1 - RHO**100), 1e-9),
            Number("length / lr: step 1, corrected", corrected[0] / LR, 1.0, 1e-9),
        ),
        chart=Chart(
            (
                Line.of("RMSProp", rmsprop, np.arange(1, STEPS + 1), log_x=True),
                Line.of("corrected (Adam, beta1 = 0)", corrected, np.arange(1, STEPS + 1), log_x=True),
            ),
            "step",
            "length of the step / lr",
            log_x=True,
            log_y=True,
        ),
    )


def _moves(method: type[RMSprop] | type[Adam], **hyperparameters: Any) -> Array:
    """The lengths of the steps under a constant gradient."""
    way = descend(method, [0], lambda points, step: np.ones_like(points), STEPS, lr=LR, eps=0.0, **hyperparameters)
    return -np.diff(way[:, 0])


CLAIM = Claim(
    "rmsprop-bias",
    "RMSProp is biased at first: its first steps are too long.",
    "Kingma & Ba 2015, sections 3 and 6.4",
    experiment,
)
