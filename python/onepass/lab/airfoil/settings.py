"""Which learning rate suits which optimizer? One row each, chosen for 300 steps of ten rows."""

from __future__ import annotations

from typing import Any

from onepass.lab.settings import Setting

#: Passes over the data and rows per step, as the texts have it.
EPOCHS = 2
BATCH_SIZE = 10

#: No tuned optimizer may end above this half mean squared error.
HIGHEST = 0.256

#: Found on a coarse grid of learning rates by the final losses of ten seeds; neighbours often do as well.
TUNED: dict[str, Setting] = {
    "SGD": Setting({"lr": 0.025}),
    "ASGD": Setting({"lr": 0.025}),
    "Momentum": Setting({"lr": 0.003}),
    "Nesterov": Setting({"lr": 0.003}),
    "Adagrad": Setting({"lr": 0.1}),
    "Adadelta": Setting({"lr": 2.0}),
    "RMSprop": Setting({"lr": 0.005}),
    "Adam": Setting({"lr": 0.01}),
    "AdamW": Setting({"lr": 0.01}),
    "AMSGrad": Setting({"lr": 0.01}),
    "Adamax": Setting({"lr": 0.02}),
    "NAdam": Setting({"lr": 0.01}),
    "RAdam": Setting({"lr": 0.02}),
    "AdEMAMix": Setting({"lr": 0.01}),
    "AdaBelief": Setting({"lr": 0.007}),
    "Adan": Setting({"lr": 0.02}),
    # Its default second moment is that of the first ten rows throughout: 0.9999**300 is 0.97.
    "ADOPT": Setting({"lr": 0.01, "betas": (0.9, 0.99)}),
    "LaProp": Setting({"lr": 0.01}),
    "MARS": Setting({"lr": 0.01}),
    "Yogi": Setting({"lr": 0.01}),
    # A step is lr times as long as the weights. With the default betas they overshoot, or do not get there in time.
    "LAMB": Setting({"lr": 0.025, "betas": (0.8, 0.95)}),
    "LARS": Setting({"lr": 5.0}),
    "NovoGrad": Setting({"lr": 0.001}),
    "Adafactor": Setting({"lr": 0.05}),
    "StableAdamW": Setting({"lr": 0.007}),
    "ScheduleFreeSGD": Setting({"lr": 0.07}),
    "ScheduleFreeAdamW": Setting({"lr": 0.02}),
    # Every element moves by lr whatever the gradient's size. With the default betas the average is as long as a
    # tenth of the whole run, and overshoots the minimum at each learning rate that gets there.
    "Lion": Setting({"lr": 0.002, "betas": (0.8, 0.95)}),
    # Signs of successive gradients differ half of the time near the minimum. Halved each time, the steps would
    # vanish long before it is reached; 0.8 x 1.2 keeps them about as they are.
    "Rprop": Setting({"lr": 0.01, "etas": (0.8, 1.2), "step_sizes": (1e-6, 0.01)}),
}

#: What the text writes for this problem: names of gluon's optimizers and their keys, for `onepass.Trainer`.
TEXT: dict[str, tuple[str, dict[str, Any]]] = {
    "sgd": ("sgd", {"learning_rate": 0.05}),
    "sgd, momentum": ("sgd", {"learning_rate": 0.005, "momentum": 0.9}),
    "adagrad": ("adagrad", {"learning_rate": 0.1}),
    "rmsprop": ("rmsprop", {"learning_rate": 0.01, "gamma1": 0.9}),
    "adadelta": ("adadelta", {"rho": 0.9}),
    "adam": ("adam", {"learning_rate": 0.01}),
}


def setting(name: str) -> Setting:
    """The row of `TUNED`, or the optimizer's own defaults."""
    return TUNED.get(name, Setting())
