"""How near does an optimizer come to the exact minimum of least squares? One run over mini-batches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from onepass.arrays import Array
from onepass.lab.airfoil.settings import BATCH_SIZE, EPOCHS
from onepass.lab.data.airfoil import Regression
from onepass.lab.settings import Setting
from onepass.optimizer import Optimizer

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
    """Start near zero and take each row once per epoch, in an order of its own.

    Args:
        seed: decides start and orders, the same for every optimizer.
    """
    rng = np.random.default_rng(seed)
    weights: Array = 0.01 * rng.standard_normal(data.features.shape[1:])
    bias: Array = np.zeros(1)
    optimizer = optimizer_class({"weights": weights, "bias": bias}, **setting.hyperparameters)
    order = np.concatenate([rng.permutation(len(data)) for _ in range(EPOCHS)])

    def loss() -> float:
        return half_mean_square(data.features @ weights + bias - data.targets)

    epochs, losses = [0.0], [loss()]
    for step, rows in enumerate(order.reshape(-1, BATCH_SIZE), start=1):
        batch = data.features[rows]
        errors = (batch @ weights + bias - data.targets[rows]) / BATCH_SIZE
        optimizer.step({"weights": errors @ batch, "bias": errors.sum(keepdims=True)})
        if step % STRIDE == 0:
            epochs.append(step * BATCH_SIZE / len(data))
            losses.append(loss())
    return Fit(
        name,
        optimizer.param_groups[0].hyperparameters(),
        seed,
        tuple(epochs),
        tuple(losses),
        (*weights.tolist(), *bias.tolist()),
    )
