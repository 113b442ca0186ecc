"""What does the genetic algorithm choose? The optimizer, its learning rate, the network's size, dropout, batch size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from optuna import Trial

LEARNING_RATES = (1e-4, 1.0)
UNITS = (8, 48, 8)
LAYERS = (1, 3)
DROPOUTS = (0.0, 0.5, 0.05)
BATCH_SIZES = (16, 32, 64, 128)


@dataclass(frozen=True)
class Genes:
    """One individual: how a network is built and trained."""

    optimizer: str
    lr: float
    units: int
    layers: int
    dropout: float
    batch_size: int


def express(trial: Trial, optimizers: Sequence[str]) -> Genes:
    """What the sampler chooses for this trial; the learning rate on a logarithmic scale."""
    low, high, step = UNITS
    least, most, tick = DROPOUTS
    return Genes(
        optimizer=trial.suggest_categorical("optimizer", list(optimizers)),
        lr=trial.suggest_float("lr", *LEARNING_RATES, log=True),
        units=trial.suggest_int("units", low, high, step=step),
        layers=trial.suggest_int("layers", *LAYERS),
        dropout=round(trial.suggest_float("dropout", least, most, step=tick), 2),
        batch_size=trial.suggest_categorical("batch_size", list(BATCH_SIZES)),
    )
