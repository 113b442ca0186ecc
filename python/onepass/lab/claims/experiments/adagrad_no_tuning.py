"""Does AdaGrad need no tuning? How many learning rates are good, in which units, and whether its default is one."""

from __future__ import annotations

from inspect import signature

import numpy as np

from onepass.arrays import Array
from onepass.lab.claims.chart import Chart, Line
from onepass.lab.claims.claim import Check, Claim, Number, Outcome, Setup
from onepass.lab.data.digits import digits
from onepass.lab.data.examples import Examples
from onepass.lab.network import Network
from onepass.optimizer import Optimizer
from onepass.optimizers import SGD, Adagrad

STEPS, BATCH, UNIT = 200, 64, 128.0
#: A learning rate is good whose loss is at most so many times the best one's.
GOOD = 2.0


def experiment(setup: Setup) -> Outcome:
    """Logistic regression on the digits, with the loss in its own unit and in one that is 128 times as small."""
    examples = digits(setup.seed).train
    order = setup.rng().integers(len(examples), size=(STEPS, BATCH))
    lrs = np.geomspace(1e-3, 1e2, 11 if setup.quick else 21)
    ways = ((SGD, 1.0), (SGD, UNIT), (Adagrad, 1.0), (Adagrad, UNIT))
    plain, plain_scaled, adagrad, adagrad_scaled = [
        np.array([_loss(method, lr, unit, examples, order) for lr in lrs]) for method, unit in ways
    ]
    decades = [_decades(losses, lrs) for losses in (plain, adagrad)]
    same_best = [_same_best(*pair) for pair in ((plain, plain_scaled), (adagrad, adagrad_scaled))]
    best_scaled = adagrad_scaled[adagrad.argmin()]
    default_lr = signature(Adagrad).parameters["lr"].default
    default = _loss(Adagrad, default_lr, 1.0, examples, order)
    return Outcome(
        checks=(
            Check(
                "its best learning rate is the same in both units, that of SGD is not",
                same_best == [False, True],
            ),
            Check("more learning rates are good (at most twice the best loss) than of SGD", decades[1] > decades[0]),
            Check("its default learning rate is good", default <= GOOD * adagrad.min()),
        ),
        numbers=(
            Number("best loss in the other unit / in its own", best_scaled / adagrad.min(), 1.0, 1e-3),
            Number("decades of good lr: SGD", decades[0]),
            Number("decades of good lr: AdaGrad", decades[1]),
            Number("loss: AdaGrad, default lr", default),
            Number("loss: AdaGrad, best lr", adagrad.min()),
            Number("loss: SGD, best lr", np.nanmin(plain)),
        ),
        chart=Chart(
            (
                Line.of("SGD", plain, lrs),
                Line.of("SGD, unit / 128", plain_scaled, lrs),
                Line.of("AdaGrad", adagrad, lrs),
                Line.of("AdaGrad, unit / 128", adagrad_scaled, lrs, dots=True),
            ),
            "learning rate",
            "loss after 200 steps",
            log_x=True,
            log_y=True,
            y_range=(0.04, 10),
        ),
    )


def _loss(method: type[Optimizer], lr: float, unit: float, examples: Examples, order: Array) -> float:
    network = Network((examples.inputs.shape[1], int(examples.labels.max()) + 1))
    optimizer = method(network.params, lr=lr)
    for batch in order:
        gradients = network.gradients(examples.take(batch))
        optimizer.step({name: np.float32(unit) * gradient for name, gradient in gradients.items()})
    return network.loss(examples)


def _decades(losses: Array, lrs: Array) -> float:
    """How wide the range of good learning rates is, in powers of ten."""
    return float(np.count_nonzero(losses <= GOOD * losses.min()) * np.log10(lrs[1] / lrs[0]))


def _same_best(some: Array, others: Array) -> bool:
    return bool(some.argmin() == others.argmin())


CLAIM = Claim(
    "adagrad-no-tuning",
    "AdaGrad needs no tuning of the learning rate.",
    "Duchi et al. 2011; Ruder 2016",
    experiment,
)
