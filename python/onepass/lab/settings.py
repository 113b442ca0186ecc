"""Which network and how many epochs suit the data, which learning rate the optimizer? One row per tuned one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, get_args

from onepass import optimizers
from onepass.optimizer import Optimizer
from onepass.optimizer.options import StateDtype


@dataclass(frozen=True)
class Setting:
    """How one optimizer is run: its hyper-parameters beside the defaults, and examples per step if it needs many."""

    hyperparameters: Mapping[str, Any] = field(default_factory=dict)
    batch_size: int | None = None


@dataclass(frozen=True)
class Plan:
    """What suits a data set: units per hidden layer, passes over the data, and examples per step."""

    hidden: tuple[int, ...]
    epochs: int
    quick_epochs: int
    batch_size: int


PLANS = {
    "digits": Plan(hidden=(64,), epochs=40, quick_epochs=10, batch_size=32),  # 64 x 64: the smallest 8-bit state
    "mnist": Plan(hidden=(128,), epochs=5, quick_epochs=1, batch_size=128),
}

#: The networks are float32, and so is their state unless something smaller is asked for.
STATE_DTYPES = tuple(name for name in get_args(StateDtype) if name != "float64")

#: Chosen for the digits; `tests/lab/test_training.py` holds each optimizer to 95 % of the test set.
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
    "AdEMAMix": Setting({"lr": 0.003}),
    "AdaBelief": Setting({"lr": 0.003}),
    "Adan": Setting({"lr": 0.005}),
    "ADOPT": Setting({"lr": 0.005}),
    "LaProp": Setting({"lr": 0.003}),
    "MARS": Setting({"lr": 0.003}),
    "Yogi": Setting({"lr": 0.02}),
    "Adafactor": Setting({"lr": 0.1}),
    "LAMB": Setting({"lr": 0.005}),
    "LARS": Setting({"lr": 1.0}),
    "NovoGrad": Setting({"lr": 0.01}),
    "StableAdamW": Setting({"lr": 0.003}),
    "ScheduleFreeSGD": Setting({"lr": 1.0}),
    "ScheduleFreeAdamW": Setting({"lr": 0.01}),
    "Lion": Setting({"lr": 0.0005}),
    # Rprop compares the signs of successive gradients, which say nothing when each is of another batch.
    # Its steps are kept short: with the default limit of 50 it overfits.
    "Rprop": Setting({"lr": 0.005, "step_sizes": (1e-6, 0.03)}, batch_size=10_000),
}


def all_optimizers() -> dict[str, type[Optimizer]]:
    """Every public optimizer class by name, in alphabetical order; a new one is in every experiment by itself."""
    return {name: getattr(optimizers, name) for name in sorted(optimizers.__all__, key=str.lower)}


def setting(name: str) -> Setting:
    """The row of `TUNED`, or the optimizer's own defaults."""
    return TUNED.get(name, Setting())
