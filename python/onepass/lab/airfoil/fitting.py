"""How near does an optimizer come to the exact minimum of least squares? One run over mini-batches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from onepass.arrays import Array
from onepass.gluon import Trainer
from onepass.lab.airfoil.settings import BATCH_SIZE, EPOCHS, TEXT
from onepass.lab.data.airfoil import Regression
from onepass.lab.settings import Setting
from onepass.optimizer import Optimizer

Named = dict[str, Array]
Step = Callable[[Named], object]

#: Steps between two losses that are kept: 15 intervals to an epoch of 1500 rows.
STRIDE = 10


@dataclass(frozen=True)
class Fit:
    """What came of one run.

    Attributes:
        epochs: where the losses were measured, from 0 on.
        losses: half the mean squared error over all rows.
        solution: the last weights, and the bias behind them.
    """

    optimizer: str
    hyperparameters: dict[str, Any]
    seed: int
    epochs: tuple[float, ...]
    losses: tuple[float, ...]
    solution: tuple[float, ...]


def half_mean_square(residuals: Array) -> float:
    return float(residuals @ residuals) / (2 * len(residuals))


def exact_minimum(data: Regression) -> float:
    """Half the mean squared error of the solution that a direct method finds."""
    inputs = np.column_stack([data.features, np.ones(len(data))])
    solution = np.linalg.lstsq(inputs, data.targets, rcond=None)[0]
    return half_mean_square(inputs @ solution - data.targets)


def fit(name: str, optimizer_class: type[Optimizer], setting: Setting, data: Regression, seed: int) -> Fit:
    """A run of one of onepass's optimizers.

    Args:
        seed: decides start and orders, the same for every optimizer.
    """

    def start(params: Named) -> tuple[Step, dict[str, Any]]:
        optimizer = optimizer_class(params, **setting.hyperparameters)
        step = partial(optimizer.step, grad_scale=BATCH_SIZE)
        return step, optimizer.param_groups[0].hyperparameters()

    return _descend(name, start, data, seed)


def fit_as_text(name: str, data: Regression, seed: int) -> Fit:
    """A run of one of the text's calls, by gluon's trainer."""
    optimizer, keys = TEXT[name]

    def start(params: Named) -> tuple[Step, dict[str, Any]]:
        trainer = Trainer(params, optimizer, keys)
        return lambda sums: trainer.step(BATCH_SIZE, gradients=sums), keys

    return _descend(name, start, data, seed)


def _descend(name: str, start: Callable[[Named], tuple[Step, dict[str, Any]]], data: Regression, seed: int) -> Fit:
    """Start near zero and take each row once per epoch, in an order of its own.

    Args:
        start: makes a step, which takes gradients summed over a batch, and tells the hyper-parameters.
    """
    rng = np.random.default_rng(seed)
    weights: Array = 0.01 * rng.standard_normal(data.features.shape[1:])
    bias: Array = np.zeros(1)
    step, hyperparameters = start({"weights": weights, "bias": bias})
    order = np.concatenate([rng.permutation(len(data)) for _ in range(EPOCHS)])

    def loss() -> float:
        return half_mean_square(data.features @ weights + bias - data.targets)

    epochs, losses = [0.0], [loss()]
    for number, rows in enumerate(order.reshape(-1, BATCH_SIZE), start=1):
        batch = data.features[rows]
        errors = batch @ weights + bias - data.targets[rows]
        step({"weights": errors @ batch, "bias": errors.sum(keepdims=True)})
        if number % STRIDE == 0:
            epochs.append(number * BATCH_SIZE / len(data))
            losses.append(loss())
    solution = (*weights.tolist(), *bias.tolist())
    return Fit(name, hyperparameters, seed, tuple(epochs), tuple(losses), solution)
