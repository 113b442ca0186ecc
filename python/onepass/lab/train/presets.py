"""Which published experiments are made again? One row each: the network, the optimizers, and what was published."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from onepass.lab.settings import Plan, Setting, all_optimizers
from onepass.lab.train.entries import Entry
from onepass.lab.train.published import Figure


@dataclass(frozen=True)
class Preset:
    """An experiment on MNIST that somebody has published.

    Attributes:
        summary: for the help.
        plan: the network, and how long it is trained.
        init: how its weights start.
        entries: what it is trained with.
        quick: the labels of the entries that `--quick` is content with.
        ranking: published training accuracies of the last batch, by label, of which only the order is a reference.
        figures: published figures of the first entry.
    """

    summary: str
    plan: Plan
    init: str
    entries: tuple[Entry, ...]
    quick: tuple[str, ...]
    ranking: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    figures: tuple[Figure, ...] = ()


_LR = Setting({"lr": 0.01})
_FNN = (
    Entry("GD", "SGD", _LR),
    Entry("GD, exponential decay", "SGD", _LR, "exponential", "exponential decay: of lr per step, to 1 % at the end"),
    Entry("Momentum", "Momentum", _LR),
    Entry("Nesterov", "Nesterov", _LR),
    Entry("RMSprop", "RMSprop", _LR),
    Entry("Adam", "Adam", _LR),
    Entry("Adamax", "Adamax", _LR),
    Entry("Adadelta", "Adadelta", Setting({"lr": 1.0}), note="Adadelta: lr scales its steps, 1 as in its paper"),
    Entry("Rprop", "Rprop", _LR, note="Rprop: lr is where its step sizes start"),
)
_NAMED = {entry.optimizer for entry in _FNN}

PRESETS = {
    "fnn-2021": Preset(
        summary="784-50-10, all optimizers with lr 0.01, 100 epochs",
        plan=Plan(hidden=(50,), epochs=100, quick_epochs=5, batch_size=6000),
        init="he",
        entries=(*_FNN, *(Entry(name, name, _LR) for name in all_optimizers() if name not in _NAMED)),
        quick=("GD", "GD, exponential decay", "RMSprop", "Adam"),
        ranking={"RMSprop": 0.976, "Adam": 0.956, "GD, exponential decay": 0.903, "Adamax": 0.897, "GD": 0.860},
    ),
    "mlp-sgd": Preset(
        summary="784-256-256-10, SGD with lr 0.03, 50 epochs",
        plan=Plan(hidden=(256, 256), epochs=50, quick_epochs=2, batch_size=256),
        init="xavier",
        entries=(Entry("SGD", "SGD", Setting({"lr": 0.03})),),
        quick=("SGD",),
        figures=(
            Figure("training loss", 1, 0.983353),
            Figure("training loss", 10, 0.189371),
            Figure("training loss", 50, 0.050059, within=0.15 * 0.050059),
            Figure("test accuracy", 50, 0.974, within=0.005),
        ),
    ),
}
