"""Which learning rate and batch suit each optimizer on the digits? One row per tuned one; the rest run as they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from onepass import optimizers
from onepass.optimizer import Optimizer


@dataclass(frozen=True)
class Setting:
    """How one optimizer is run: its hyper-parameters beside the defaults, and whether it needs the exact gradient."""

    hyperparameters: Mapping[str, Any] = field(default_factory=dict)
    full_batch: bool = False


HIDDEN = (50,)
EPOCHS = 40
BATCH_SIZE = 32

#: Chosen for the above; `tests/lab/test_training.py` holds each optimizer to 95 % of the test set.
TUNED: dict[str, Setting] = {
    "SGD": Setting({"lr": 0.2}),
    "ASGD": Setting({"lr": 0.2}),
    "Momentum": Setting({"lr": 0.05}),
    "Nesterov": Setting({"lr": 0.05}),
    "Adagrad": Setting({"lr": 0.05}),
    "Adadelta": Setting({"lr": 1.0}),
    "RMSprop": Setting({"lr": 0.0015}),
    "Adam": Setting({"lr": 0.003}),
    "AdamW": Setting({"lr": 0.003}),
    "AMSGrad": Setting({"lr": 0.003}),
    "Adamax": Setting({"lr": 0.01}),
    "NAdam": Setting({"lr": 0.003}),
    "RAdam": Setting({"lr": 0.005}),
    "Lion": Setting({"lr": 0.0005}),
    # Rprop compares the signs of successive gradients, which say nothing when each is of another batch.
    # Its steps are kept short: with the default limit of 50 it overfits.
    "Rprop": Setting({"lr": 0.005, "step_sizes": (1e-6, 0.03)}, full_batch=True),
}


def all_optimizers() -> dict[str, type[Optimizer]]:
    """Every public optimizer class by name, in alphabetical order; a new one is in every experiment by itself."""
    return {name: getattr(optimizers, name) for name in sorted(optimizers.__all__, key=str.lower)}


def setting(name: str) -> Setting:
    """The row of `TUNED`, or the optimizer's own defaults."""
    return TUNED.get(name, Setting())
