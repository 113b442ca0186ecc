"""What does `onepass train` do? It trains one network with every optimizer, and shows how each fared."""

from __future__ import annotations

import argparse
from pathlib import Path
from time import perf_counter

from onepass.lab import arguments as kinds
from onepass.lab.data.digits import digits
from onepass.lab.data.examples import Dataset
from onepass.lab.data.folder import VARIABLE
from onepass.lab.data.mnist import mnist
from onepass.lab.report import console, make_folders, progress, write_json
from onepass.lab.settings import PLANS, STATE_DTYPES, all_optimizers
from onepass.lab.train.experiment import Experiment
from onepass.lab.train.plots import draw_training
from onepass.lab.train.rows import described, rows
from onepass.lab.train.table import training_table

QUICK_OPTIMIZERS = ("Momentum", "RMSprop", "Adam")
PICTURE = "onepass-train.png"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `onepass train`."""
    add = parser.add_argument
    add("--data", choices=PLANS, default="digits", help="what to learn from (default: digits, which come along)")
    add(
        "--data-dir",
        type=Path,
        metavar="DIR",
        help=f"where the four files of MNIST are, or a folder mnist that holds them (default: ${VARIABLE})",
    )
    add("--hidden", type=kinds.sizes, metavar="N,N,...", help=f"units per hidden layer (default: {_plans('hidden')})")
    add("--epochs", type=kinds.positive, metavar="N", help=f"passes over the data (default: {_plans('epochs')})")
    add(
        "--batch-size",
        type=kinds.positive,
        metavar="N",
        help=f"examples per step (default: {_plans('batch_size')}); Rprop takes 10000 or all, whatever this says",
    )
    add("--optimizers", type=kinds.optimizers, metavar="A,B,...", help="which ones, by name in any case (default: all)")
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
        quick=f"only {', '.join(QUICK_OPTIMIZERS)}, and fewer epochs ({_plans('quick_epochs')})",
    )
    parser.set_defaults(run=run, error=parser.error)


def run(arguments: argparse.Namespace) -> int:
    """Train, print the table, write the picture; 1 if an optimizer and its NumPy twin differ in a bit."""
    if arguments.data_dir and arguments.data == "digits":
        arguments.error("argument --data-dir: the digits come along and are in no folder; add --data mnist")
    picture: Path = arguments.out / PICTURE
    make_folders((picture, arguments.json))

    start = perf_counter()
    experiment = _experiment(arguments)
    terminal = console()
    with progress(terminal, "epochs") as bar:
        task = bar.add_task("", total=experiment.total_epochs)
        runs = list(experiment.runs(lambda name: bar.update(task, description=name), lambda: bar.advance(task)))

    table_rows = rows(runs)
    terminal.print(training_table(table_rows, str(experiment)))
    draw_training(table_rows, str(experiment), picture)
    if arguments.json:
        experiment_described = {"command": "train"} | experiment.described()
        write_json(arguments.json, {"experiment": experiment_described, **described(table_rows)})
    different = [row.label for row in table_rows if not row.same_bits]
    terminal.print(
        f"Not the bits of the NumPy reference: {', '.join(different)}"
        if different
        else "Every run ended with the bits of its NumPy reference, parameters and state."
    )
    terminal.print(f"{picture} written; {perf_counter() - start:.1f} s in all", soft_wrap=True)
    return 1 if different else 0


def _experiment(arguments: argparse.Namespace) -> Experiment:
    """What the arguments ask for; what they leave open is in the data's plan."""
    plan, quick = PLANS[arguments.data], arguments.quick
    return Experiment(
        datasets=_datasets(arguments, range(arguments.seed, arguments.seed + arguments.seeds)),
        hidden=arguments.hidden or plan.hidden,
        optimizers=arguments.optimizers or (QUICK_OPTIMIZERS if quick else tuple(all_optimizers())),
        state_dtypes=arguments.state_dtype,
        epochs=arguments.epochs or (plan.quick_epochs if quick else plan.epochs),
        batch_size=arguments.batch_size or plan.batch_size,
    )


def _datasets(arguments: argparse.Namespace, seeds: range) -> dict[int, Dataset]:
    if arguments.data == "digits":
        return {seed: digits(seed) for seed in seeds}
    return dict.fromkeys(seeds, mnist(arguments.data_dir))  # its files say which examples are for testing


def _plans(field: str) -> str:
    """What the plans say, for the help, such as ``40 on digits, 5 on mnist``."""
    values = {name: getattr(plan, field) for name, plan in PLANS.items()}
    return ", ".join(
        f"{','.join(map(str, value)) if isinstance(value, tuple) else value} on {name}"
        for name, value in values.items()
    )
