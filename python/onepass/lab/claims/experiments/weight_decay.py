"""Is weight decay the same as an L2 penalty? For SGD and for Adam, on least squares and on a weight without a loss."""

from __future__ import annotations

import numpy as np

from onepass.arrays import Array
from onepass.lab.claims.chart import Chart, Line
from onepass.lab.claims.claim import Check, Claim, Number, Outcome, Setup
from onepass.lab.descent import Gradient, descend
from onepass.optimizers import SGD, Adam, AdamW

SIZE, STEPS, LR, DECAY = 10, 500, 0.05, 0.1


def experiment(setup: Setup) -> Outcome:
    """L2: the gradient of decay |x|^2 / 2 is added to the loss's. Weight decay: x is multiplied by 1 - lr decay."""
    rng = setup.rng()
    start, curvatures, minimum = rng.standard_normal(SIZE), np.geomspace(0.05, 5, SIZE), rng.standard_normal(SIZE)

    def loss(points: Array, step: int) -> Array:
        return curvatures * (points - minimum)

    sgd_l2 = descend(SGD, start, _penalised(loss), STEPS, lr=LR)
    sgd_decay = _decayed_sgd(start, loss)
    adam_l2 = descend(Adam, start, _penalised(loss), STEPS, lr=LR)
    adam_decay = descend(AdamW, start, loss, STEPS, lr=LR, weight_decay=DECAY)
    shrunk_l2, shrunk_decay = (
        descend(Adam, [2], _penalised(_nothing), 1, lr=LR)[1, 0],
        descend(AdamW, [2], _nothing, 1, lr=LR, weight_decay=DECAY)[1, 0],
    )
    sgd, adam = abs(sgd_l2 - sgd_decay).max(axis=1), abs(adam_l2 - adam_decay).max(axis=1)
    return Outcome(
        checks=(
            Check("for SGD the two ways differ by less than 1e-9", sgd.max() < 1e-9),
            Check("for Adam they differ by more than 0.01", adam.max() > 0.01),
        ),
        numbers=(
            Number("largest difference: SGD", sgd.max(), 0.0, 1e-12),
            Number("largest difference: Adam", adam.max()),
            Number("first step of Adam for a weight of 2 without a loss: L2", 2 - shrunk_l2, LR, 1e-8),
            Number(
                "first step of Adam for a weight of 2 without a loss: decay", 2 - shrunk_decay, 2 * LR * DECAY, 1e-12
            ),
            Number("distance of Adam from the penalised minimum: L2", _miss(adam_l2, curvatures, minimum)),
            Number("distance of Adam from the penalised minimum: decay", _miss(adam_decay, curvatures, minimum)),
        ),
        chart=Chart(
            # From step 1 on: the difference of 0 before has no place on a logarithmic axis.
            tuple(Line.of(name, gap[1:], np.arange(1, STEPS + 1)) for name, gap in (("SGD", sgd), ("Adam", adam))),
            "step",
            "difference between L2 and weight decay",
            log_y=True,
        ),
    )


def _penalised(loss: Gradient) -> Gradient:
    return lambda points, step: loss(points, step) + DECAY * points


def _nothing(points: Array, step: int) -> Array:
    return np.zeros_like(points)


def _decayed_sgd(start: Array, loss: Gradient) -> Array:
    """SGD, after the weights are multiplied by 1 - lr decay; the gradient is that of where they were before."""
    weights = start.copy()
    optimizer = SGD(weights, lr=LR)
    way = [start]
    for step in range(STEPS):
        gradient = loss(weights, step)
        weights *= 1 - LR * DECAY
        optimizer.step(gradient)
        way.append(weights.copy())
    return np.array(way)


def _miss(way: Array, curvatures: Array, minimum: Array) -> float:
    """How far the end is from the minimum of loss and penalty together."""
    return float(abs(way[-1] - curvatures * minimum / (curvatures + DECAY)).max())


CLAIM = Claim(
    "weight-decay",
    "Weight decay is an L2 penalty for SGD, and is not for Adam.",
    "Loshchilov & Hutter 2019, propositions 1 and 2",
    experiment,
)
