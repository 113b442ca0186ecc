"""How well does a network with these genes learn? It is trained, and its error measured on what it has not seen."""

from __future__ import annotations

import math

import numpy as np

from onepass.lab.settings import all_optimizers
from onepass.lab.tune.genes import Genes
from onepass.lab.tune.lstm import LSTM
from onepass.lab.tune.windows import Split

#: The norm to which gradients are clipped: back-propagation through time may make them very long.
CLIP_NORM = 1.0


def train(genes: Genes, data: Split, *, epochs: int, seed: int) -> tuple[LSTM, float]:
    """The network after so many passes, and its root mean square error in the validation part; inf if it diverged.

    Args:
        seed: decides start, order of the windows and what dropout leaves out.
    """
    network = LSTM(genes.units, genes.layers, genes.dropout, seed)
    optimizer = all_optimizers()[genes.optimizer](network.params, lr=genes.lr, clip_norm=CLIP_NORM)
    rng = np.random.default_rng(seed)
    with np.errstate(over="ignore", invalid="ignore"):  # a large learning rate may diverge: that is a result
        for _ in range(epochs):
            order = rng.permutation(len(data.train))
            # What is left over waits for the next epoch's order.
            for start in range(0, len(order) - genes.batch_size + 1, genes.batch_size):
                batch = data.train.take(order[start : start + genes.batch_size])
                optimizer.step(network.gradients(batch.inputs, batch.targets, rng))
        error = data.rmse(network.forecast(data.validation.inputs), data.validation)
    return network, error if math.isfinite(error) else math.inf
