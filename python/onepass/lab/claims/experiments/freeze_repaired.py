"""Do AdaDelta and RMSProp repair AdaGrad's freeze? How fast each follows a minimum that jumps."""

from __future__ import annotations

from typing import Any

import numpy as np

from onepass.arrays import Array
from onepass.lab.claims.chart import Chart, Line
from onepass.lab.claims.claim import Check, Claim, Number, Outcome, Setup
from onepass.lab.claims.moving_target import follow, steps_per_jump
from onepass.lab.descent import descend
from onepass.optimizer import Optimizer
from onepass.optimizers import Adadelta, Adagrad, RMSprop

RMSPROP_LR = 0.05
METHODS: tuple[tuple[str, type[Optimizer], float], ...] = (
    ("AdaGrad", Adagrad, 0.5),
    ("AdaDelta", Adadelta, 1.0),
    ("RMSProp", RMSprop, RMSPROP_LR),
)
JUMPS, QUICK_JUMPS = 8, 4
STEPS, RHO, EPS = 10_000, 0.9, 1e-6


def experiment(setup: Setup) -> Outcome:
    """Under a constant gradient RMSProp's step goes to lr, and AdaDelta's square grows by eps (1 - rho) per step."""
    jumps = QUICK_JUMPS if setup.quick else JUMPS
    steps = {name: steps_per_jump(follow(method, jumps, lr)) for name, method, lr in METHODS}
    growth = {name: float(counts[-1] / counts[0]) for name, counts in steps.items()}
    rmsprop, adadelta = _moves(RMSprop, RMSPROP_LR), _moves(Adadelta, 1.0, rho=RHO, eps=EPS)
    growth_of_square = (adadelta[-1] ** 2 - adadelta[STEPS // 2 - 1] ** 2) / (STEPS / 2) / EPS
    return Outcome(
        checks=(
            Check("RMSProp needs at most twice the steps for the last jump as for the first", growth["RMSProp"] <= 2),
            Check("AdaDelta needs at most twice the steps for the last jump as for the first", growth["AdaDelta"] <= 2),
            Check("AdaGrad does not", growth["AdaGrad"] > 2),
        ),
        numbers=(
            *(Number(f"steps for the last jump: {name}", counts[-1]) for name, counts in steps.items()),
            *(Number(f"last / first: {name}", growth[name]) for name in steps),
            Number("RMSProp's step 10,000 / lr, constant gradient", rmsprop[-1] / RMSPROP_LR, 1.0, 1e-6),
            Number("growth of the square of AdaDelta's step / eps", growth_of_square, 1 - RHO, 1e-3),
        ),
        chart=Chart(
            tuple(Line.of(name, counts, np.arange(jumps)) for name, counts in steps.items()),
            "jumps of the minimum so far",
            "steps to reach it",
        ),
    )


def _moves(method: type[Optimizer], lr: float, **hyperparameters: Any) -> Array:
    """The lengths of the steps under a constant gradient."""
    way = descend(method, [0], lambda points, step: np.ones_like(points), STEPS, lr=lr, **hyperparameters)
    return -np.diff(way[:, 0])


CLAIM = Claim(
    "freeze-repaired",
    "AdaDelta and RMSProp repair AdaGrad's freeze.",
    "Zeiler 2012; Tieleman & Hinton 2012",
    experiment,
)
