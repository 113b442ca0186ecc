"""What does `onepass train` do? It trains one network with every optimizer, and shows how each fared."""

from __future__ import annotations

import argparse
from pathlib import Path
from time import perf_counter

from onepass.files import make_folders, whole_file, write_json
from onepass.lab import arguments as kinds
from onepass.lab.data.folder import VARIABLE
from onepass.lab.network import INITIALISATIONS
from onepass.lab.report import console, progress
from onepass.lab.settings import PLANS, STATE_DTYPES
from onepass.lab.train import published, together
from onepass.lab.train.curves import draw_curves
from onepass.lab.train.experiment import Experiment
from onepass.lab.train.plots import draw_training
from onepass.lab.train.presets import PRESETS
from onepass.lab.train.request import PRESET_DECIDES, QUICK_OPTIMIZERS, experiment
from onepass.lab.train.rows import described, rows
from onepass.lab.train.scheduling import CHOICES
from onepass.lab.train.table import training_table

PICTURE = "onepass-train.png"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `onepass train`."""
    add = parser.add_argument
    add(
        "--preset",
        choices=PRESETS,
        help="make a published experiment on MNIST again, beside its figures: "
        + "; ".join(f"{name}: {preset.summary}" for name, preset in PRESETS.items())
        + f"; it decides {', '.join(name.replace('_', ' ') for name in PRESET_DECIDES)}, and may be shortened by "
        "--optimizers and --epochs",
    )
    add("--data", choices=PLANS, help="what to learn from (default: digits, which come along)")
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--data-dir",
        type=Path,
        metavar="DIR",
        help=f"where the four files of MNIST are, or a folder mnist that holds them (default: ${VARIABLE})",
    )
    where.add_argument(
        "--download",
        action="store_true",
        help="take MNIST from OpenML; scikit-learn keeps it for the next time",
    )
    add("--hidden", type=kinds.sizes, metavar="N,N,...", help=f"units per hidden layer (default: {_plans('hidden')})")
    add("--init", choices=INITIALISATIONS, help="how the weights start (default: he)")
    add("--epochs", type=kinds.positive, metavar="N", help=f"passes over the data (default: {_plans('epochs')})")
    add(
        "--batch-size",
        type=kinds.positive,
        metavar="N",
        help=f"examples per step (default: {_plans('batch_size')}); Rprop takes 10000 or all, whatever this says",
    )
    add("--optimizers", type=kinds.optimizers, metavar="A,B,...", help="which ones, by name in any case (default: all)")
    add(
        "--schedule",
        choices=CHOICES,
        metavar="NAME",
        help="how the learning rate changes in the course of a run, from step to step: "
        + "; ".join(f"{name} ({choice.shape.replace('%', '%%')})" for name, choice in CHOICES.items())
        + " (default: it stays)",
    )
    add(
        "--state-dtype",
        type=kinds.state_dtypes,
        default=STATE_DTYPES[:1],
        metavar="A,B,...",
        help=f"how the optimizers store their state: {', '.join(STATE_DTYPES)}; several are compared with the first "
        f"(default: {STATE_DTYPES[0]})",
    )
    add("--seeds", type=kinds.positive, default=1, metavar="N", help="so many seeds from --seed on; shows the means")
    kinds.add_common(
        parser,
        PICTURE,
        seed="decides start and order of the data, and the split of the digits",
        quick=f"only {', '.join(QUICK_OPTIMIZERS)}, and fewer epochs ({_plans('quick_epochs')}); a part of a preset",
    )
    add(
        "--distributed",
        action="store_true",
        help="on all processes that mpiexec has started, each of which takes a part of every batch and of the state; "
        "prints the hash of the parameters at the end, which is that of one process, and draws no picture",
    )
    parser.set_defaults(run=run, error=parser.error)


def run(arguments: argparse.Namespace) -> int:
    """Train, print the tables, write the picture.

    Returns:
        1 if an optimizer and its NumPy twin differ in a bit, or a figure is further from the published than it may be.
    """
    start = perf_counter()
    asked = experiment(arguments)
    if arguments.distributed:
        if arguments.json:
            arguments.error("argument --json: --distributed prints what it finds; leave one out")
        return _run_together(asked)
    title = f"{arguments.preset}: {asked}" if arguments.preset else str(asked)
    picture: Path = arguments.out / (f"onepass-train-{arguments.preset}.png" if arguments.preset else PICTURE)
    make_folders((picture, arguments.json))

    terminal = console()
    with progress(terminal, "epochs") as bar:
        task = bar.add_task("", total=asked.total_epochs)
        runs = list(asked.runs(lambda label: bar.update(task, description=label), lambda: bar.advance(task)))

    table_rows = rows(runs)
    preset = PRESETS.get(arguments.preset)
    ranking, figures = (preset.ranking, preset.figures) if preset else ({}, ())
    terminal.print(training_table(table_rows, title, asked.notes(), ranking))
    comparisons = published.compared(table_rows[0], figures)
    if comparisons:
        terminal.print(published.comparison_table(comparisons))
    if len(ranking.keys() & {row.label for row in table_rows}) > 1:
        terminal.print(published.order_of(table_rows, ranking))
    if preset:
        with whole_file(picture) as file:
            draw_curves(table_rows, title, file, figures)
    else:
        with whole_file(picture) as file:
            draw_training(table_rows, title, file)
    if arguments.json:
        results = {"experiment": {"command": "train", "preset": arguments.preset} | asked.described()}
        results |= described(table_rows) | {"published": published.described(comparisons)}
        write_json(arguments.json, results)
    different = [row.label for row in table_rows if not row.same_bits]
    terminal.print(
        f"Not the bits of the NumPy reference: {', '.join(different)}"
        if different
        else "Every run ended with the bits of its NumPy reference, parameters and state."
    )
    far = [comparison.figure.quantity for comparison in comparisons if comparison.verdict == "NO"]
    if far:
        terminal.print(f"Not as published: {', '.join(far)}")
    terminal.print(f"{picture} written; {perf_counter() - start:.1f} s in all", soft_wrap=True)
    return 1 if different or far else 0


def _run_together(asked: Experiment) -> int:
    """Train on many processes; rank 0 prints."""
    comm, start = together.world(), perf_counter()
    try:
        for trained in together.runs(asked, comm):
            if comm.rank == 0:
                print(trained, flush=True)
        if comm.rank == 0:
            print(f"{comm.size} processes, {perf_counter() - start:.1f} s in all")
    except BaseException:
        together.end_all()
    return 0


def _plans(field: str) -> str:
    """What the plans say, for the help, such as ``40 on digits, 5 on mnist``."""
    values = {name: getattr(plan, field) for name, plan in PLANS.items()}
    return ", ".join(
        f"{','.join(map(str, value)) if isinstance(value, tuple) else value} on {name}"
        for name, value in values.items()
    )
