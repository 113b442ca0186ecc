"""Does AdaGrad suit sparse data? Regression with frequent and rare features, and with equally frequent ones."""

from __future__ import annotations

from statistics import fmean

import numpy as np

from onepass.arrays import Array
from onepass.lab.claims.chart import Chart, Line
from onepass.lab.claims.claim import Check, Claim, Number, Outcome, Setup
from onepass.lab.descent import descents
from onepass.optimizer import Optimizer
from onepass.optimizers import SGD, Adagrad

FEATURES, STEPS, NOISE = 100, 4000, 0.1
SEEDS, QUICK_SEEDS = 5, 1
RATES = {SGD: np.geomspace(0.01, 1, 9), Adagrad: np.geomspace(0.1, 10, 9)}
SKEWED = 1 / np.arange(1, FEATURES + 1)
EVEN = np.full(FEATURES, SKEWED.mean())


def experiment(setup: Setup) -> Outcome:
    """One example per step; feature i is there with probability 1/i, or all with the same. Each with its best lr."""
    seeds = range(setup.seed, setup.seed + (QUICK_SEEDS if setup.quick else SEEDS))
    curves = {
        (kind, method): _mean_of_best(method, frequencies, seeds)
        for kind, frequencies in (("skewed", SKEWED), ("even", EVEN))
        for method in RATES
    }
    means = {key: float(curve.mean()) for key, curve in curves.items()}
    skewed, even = (means[kind, Adagrad] / means[kind, SGD] for kind in ("skewed", "even"))
    return Outcome(
        checks=(
            Check("with skewed frequencies AdaGrad's mean loss over the steps is below SGD's", skewed < 1),
            Check("its share of SGD's loss is smaller than with even frequencies", skewed < even),
        ),
        numbers=(
            Number("mean loss, AdaGrad / SGD: skewed", skewed),
            Number("mean loss, AdaGrad / SGD: even", even),
            Number("last loss, skewed: AdaGrad", curves["skewed", Adagrad][-1]),
            Number("last loss, skewed: SGD", curves["skewed", SGD][-1]),
        ),
        chart=Chart(
            tuple(
                Line.of(f"{label}, {kind}", curve, 50 * np.arange(len(curve)))
                for (kind, method), curve in curves.items()
                for label in ("AdaGrad" if method is Adagrad else "SGD",)
            ),
            "step",
            "expected loss",
            log_y=True,
        ),
    )


def _mean_of_best(method: type[Optimizer], frequencies: Array, seeds: range) -> Array:
    """The expected loss at every 50th step, a mean over the seeds, with the learning rate whose mean is lowest."""
    losses = np.mean([_losses(method, frequencies, seed) for seed in seeds], axis=0)
    best = min(range(losses.shape[1]), key=lambda rate: fmean(losses[:, rate]))
    return np.asarray(losses[:, best])


def _losses(method: type[Optimizer], frequencies: Array, seed: int) -> Array:
    rng = np.random.default_rng(seed)
    features = (rng.random((STEPS, FEATURES)) < frequencies).astype(float)
    truth = rng.choice([-1.0, 1.0], FEATURES)
    targets = features @ truth + NOISE * rng.standard_normal(STEPS)

    def gradient(points: Array, step: int) -> Array:
        return np.outer(points @ features[step] - targets[step], features[step])

    errors = descents(method, np.zeros(FEATURES), gradient, STEPS, RATES[method])[::50] - truth
    # The mean of (x . error)^2 / 2 over x: that of the mean, and the variance of each feature.
    with np.errstate(over="ignore", invalid="ignore"):  # too large a learning rate
        return np.asarray((errors @ frequencies) ** 2 + errors**2 @ (frequencies * (1 - frequencies))) / 2


CLAIM = Claim(
    "adagrad-sparse",
    "AdaGrad suits sparse data, where some features are rare.",
    "Duchi et al. 2011",
    experiment,
)
