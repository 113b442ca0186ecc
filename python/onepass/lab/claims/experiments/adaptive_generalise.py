"""Do adaptive methods generalise worse? On data made for the question, which all of them fit without an error."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from onepass.arrays import Array
from onepass.lab.claims.chart import Bars, Chart
from onepass.lab.claims.claim import Check, Claim, Number, Outcome, Setup
from onepass.lab.settings import all_optimizers, setting

PLAIN, ADAPTIVE = ("SGD", "Momentum", "Nesterov"), ("Adagrad", "RMSprop", "Adam")
TRAINING, RARER = 200, 0.3
STEPS, QUICK_STEPS = 1000, 300


@dataclass(frozen=True)
class Errors:
    """The shares of examples on the wrong side."""

    training: float
    test: float


def experiment(setup: Setup) -> Outcome:
    """Least squares from 0 with the whole training set, by every optimizer with the lab's settings."""
    errors = {name: _errors(name, QUICK_STEPS if setup.quick else STEPS) for name in all_optimizers()}
    named = [Number(f"test error: {name}", errors[name].test, 0.0) for name in PLAIN]
    named += [Number(f"test error: {name}", errors[name].test, RARER) for name in ADAPTIVE]
    fitted = max(errors[name].training for name in (*PLAIN, *ADAPTIVE))
    return Outcome(
        checks=(
            Check("all of the named fit the training set without an error", fitted == 0),
            Check(
                "the worst of SGD, Momentum, Nesterov errs less than the best of Adagrad, RMSprop, Adam",
                max(errors[name].test for name in PLAIN) < min(errors[name].test for name in ADAPTIVE),
            ),
        ),
        numbers=(*named, Number("largest training error", fitted, 0.0)),
        chart=Chart(
            Bars(
                tuple(errors),
                {
                    "test error": tuple(one.test for one in errors.values()),
                    "training error": tuple(one.training for one in errors.values()),
                },
            ),
            "share of examples on the wrong side",
            "",
        ),
    )


def _labels(count: int) -> Array:
    """1 and, for the share RARER of the examples, -1."""
    return np.where(np.arange(count) < round(RARER * count), -1.0, 1.0)


def _features() -> tuple[Array, Array]:
    """Of the training set, and of as many other examples (Wilson et al. 2017, section 3.3).

    An example has its label in column 0, 1 in columns 1 and 2, and 1 in columns of its own: one column where the label
    is 1, five where it is -1. So the own columns of a test example are 0 in all of the training set.
    """
    own = np.where(_labels(TRAINING) > 0, 1, 5)
    features = np.zeros((2 * TRAINING, 3 + 2 * own.sum()))
    features[:, 0] = np.tile(_labels(TRAINING), 2)
    features[:, 1:3] = 1
    rows = np.repeat(np.arange(2 * TRAINING), np.tile(own, 2))
    features[rows, 3 + np.arange(len(rows))] = 1
    return features[:TRAINING], features[TRAINING:]


def _errors(name: str, steps: int) -> Errors:
    labels = _labels(TRAINING)
    training, test = _features()
    weights = np.zeros(training.shape[1])
    optimizer = all_optimizers()[name](weights, **setting(name).hyperparameters)
    for _ in range(steps):
        optimizer.step(training.T @ (training @ weights - labels) / TRAINING)
    training_error, test_error = (float(np.mean(features @ weights * labels <= 0)) for features in (training, test))
    return Errors(training_error, test_error)


CLAIM = Claim(
    "adaptive-generalise",
    "Adaptive methods generalise worse than gradient descent (on a problem made to show it).",
    "Wilson et al. 2017, section 3.3",
    experiment,
)
