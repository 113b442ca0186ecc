"""Which experiment do the arguments ask for? What they leave open is in the data's plan, or in the preset."""

from __future__ import annotations

import argparse
from dataclasses import replace

from onepass.lab.data.digits import digits
from onepass.lab.data.examples import Dataset
from onepass.lab.data.mnist import DIGITS, mnist
from onepass.lab.data.openml import openml_mnist
from onepass.lab.settings import PLANS, all_optimizers
from onepass.lab.train.entries import Entry, tuned
from onepass.lab.train.experiment import Experiment
from onepass.lab.train.presets import PRESETS, Preset
from onepass.lab.train.training import loss_during

QUICK_OPTIMIZERS = ("Momentum", "RMSprop", "Adam")
#: What a preset decides.
PRESET_DECIDES = ("data", "hidden", "batch_size", "init", "schedule")


def experiment(arguments: argparse.Namespace) -> Experiment:
    """The experiment; `arguments.error` is called if they contradict one another."""
    return _own(arguments) if arguments.preset is None else _preset(arguments, PRESETS[arguments.preset])


def _own(arguments: argparse.Namespace) -> Experiment:
    data, quick = arguments.data or "digits", arguments.quick
    for name in ("data_dir", "download"):
        if getattr(arguments, name) and data == "digits":
            arguments.error(f"argument {_option(name)}: the digits come along and need none; add --data mnist")
    plan = PLANS[data]
    names = arguments.optimizers or (QUICK_OPTIMIZERS if quick else tuple(all_optimizers()))
    return Experiment(
        datasets=_datasets(arguments, data),
        hidden=arguments.hidden or plan.hidden,
        entries=tuned(names, arguments.schedule),
        state_dtypes=arguments.state_dtype,
        epochs=arguments.epochs or (plan.quick_epochs if quick else plan.epochs),
        batch_size=arguments.batch_size or plan.batch_size,
        init=arguments.init or "he",
    )


def _preset(arguments: argparse.Namespace, preset: Preset) -> Experiment:
    for name in PRESET_DECIDES:
        if getattr(arguments, name) is not None:
            arguments.error(f"argument {_option(name)}: --preset {arguments.preset} decides that; leave one out")
    plan = replace(preset.plan, epochs=preset.plan.quick_epochs) if arguments.quick else preset.plan
    return Experiment(
        datasets=_datasets(arguments, "mnist", way_out=""),
        hidden=plan.hidden,
        entries=_chosen(arguments, preset),
        state_dtypes=arguments.state_dtype,
        epochs=arguments.epochs or plan.epochs,
        batch_size=plan.batch_size,
        init=preset.init,
        epoch_loss=loss_during,
    )


def _chosen(arguments: argparse.Namespace, preset: Preset) -> tuple[Entry, ...]:
    """The preset's entries of the optimizers that are asked for, else those of `--quick`, else all."""
    if arguments.optimizers:
        chosen = tuple(entry for entry in preset.entries if entry.optimizer in arguments.optimizers)
        if not chosen:
            there = ", ".join(dict.fromkeys(entry.optimizer for entry in preset.entries))
            arguments.error(f"argument --optimizers: --preset {arguments.preset} has {there}")
        return chosen
    return tuple(entry for entry in preset.entries if not arguments.quick or entry.label in preset.quick)


def _datasets(arguments: argparse.Namespace, name: str, way_out: str = DIGITS) -> dict[int, Dataset]:
    seeds = range(arguments.seed, arguments.seed + arguments.seeds)
    if name == "digits":
        return {seed: digits(seed) for seed in seeds}
    # The files say which examples are for testing, whatever the seed.
    if arguments.download:
        return dict.fromkeys(seeds, openml_mnist(way_out))
    ways_out = " or ".join(filter(None, ("load it from OpenML: --download", way_out)))
    return dict.fromkeys(seeds, mnist(arguments.data_dir, ways_out))


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"
