"""What does `onepass train` do? It trains one network with every optimizer, and shows how each fared."""

from __future__ import annotations

import argparse
from pathlib import Path
from time import perf_counter

from onepass.lab.data import digits
from onepass.lab.network import Network
from onepass.lab.plots import draw_training
from onepass.lab.report import console, progress, training_table, write_json
from onepass.lab.settings import BATCH_SIZE, EPOCHS, HIDDEN, all_optimizers, setting
from onepass.lab.training import Run, train

QUICK_EPOCHS = 10
QUICK_OPTIMIZERS = ("Momentum", "RMSprop", "Adam")
PICTURE = "onepass-train.png"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `onepass train`."""
    parser.add_argument("--epochs", type=_positive, metavar="N", help=f"passes over the data (default: {EPOCHS})")
    parser.add_argument(
        "--batch-size",
        type=_positive,
        default=BATCH_SIZE,
        metavar="N",
        help=f"examples per step (default: {BATCH_SIZE}); Rprop takes all at once, whatever this says",
    )
    parser.add_argument(
        "--optimizers", type=_optimizers, metavar="A,B,...", help="which ones, by name in any case (default: all)"
    )
    parser.add_argument(
        "--seed", type=_seed, default=0, metavar="N", help="decides split, start and order of the data (default: 0)"
    )
    parser.add_argument(
        "--out", type=Path, default=Path(), metavar="DIR", help=f"where {PICTURE} goes (default: this folder)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all results there as well")
    parser.add_argument(
        "--quick", action="store_true", help=f"only {', '.join(QUICK_OPTIMIZERS)}, for {QUICK_EPOCHS} epochs"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Train, print the table, write the picture; 1 if an optimizer and its NumPy twin differ in a bit."""
    epochs = arguments.epochs or (QUICK_EPOCHS if arguments.quick else EPOCHS)
    names = arguments.optimizers or (QUICK_OPTIMIZERS if arguments.quick else tuple(all_optimizers()))
    picture: Path = arguments.out / PICTURE
    for file in filter(None, (picture, arguments.json)):  # a folder that cannot be is better known before than after
        file.parent.mkdir(parents=True, exist_ok=True)

    start = perf_counter()
    data = digits(arguments.seed)
    sizes = (data.features, *HIDDEN, data.classes)
    title = f"A {'-'.join(map(str, sizes))} network on {data}, {epochs} epoch{'s' * (epochs > 1)}"
    terminal = console()
    runs: list[Run] = []
    with progress(terminal) as bar:
        task = bar.add_task("", total=epochs * len(names))
        for name in names:
            bar.update(task, description=name)
            runs.append(
                train(
                    name,
                    all_optimizers()[name],
                    setting(name),
                    Network(sizes, arguments.seed),
                    data,
                    epochs=epochs,
                    batch_size=arguments.batch_size,
                    seed=arguments.seed,
                    after_epoch=lambda: bar.advance(task),
                )
            )

    terminal.print(training_table(runs, title))
    draw_training(runs, title, picture)
    if arguments.json:
        experiment = {
            "command": "train",
            "data": data.name,
            "train_examples": len(data.train),
            "test_examples": len(data.test),
            "sizes": sizes,
            "epochs": epochs,
            "seed": arguments.seed,
        }
        write_json(arguments.json, experiment, runs)
    different = [run.optimizer for run in runs if not run.same_bits]
    terminal.print(
        f"Not the bits of the NumPy reference: {', '.join(different)}"
        if different
        else "Every run ended with the bits of its NumPy reference, parameters and state."
    )
    terminal.print(f"{picture} written; {perf_counter() - start:.1f} s in all", soft_wrap=True)
    return 1 if different else 0


def _positive(text: str) -> int:
    return _whole(text, least=1)


def _seed(text: str) -> int:
    return _whole(text, least=0)


def _whole(text: str, least: int) -> int:
    if not text.isdecimal() or int(text) < least:
        raise argparse.ArgumentTypeError(f"must be a whole number from {least} on, got {text!r}")
    return int(text)


def _optimizers(text: str) -> tuple[str, ...]:
    """The names as the package spells them, each once."""
    spelled = {name.lower(): name for name in all_optimizers()}
    asked = [name.strip() for name in text.split(",") if name.strip()]
    if unknown := [name for name in asked if name.lower() not in spelled]:
        raise argparse.ArgumentTypeError(
            f"there is no optimizer {', '.join(map(repr, unknown))}; there are {', '.join(spelled.values())}"
        )
    if not asked:
        raise argparse.ArgumentTypeError(f"no optimizer is named; there are {', '.join(spelled.values())}")
    return tuple(dict.fromkeys(spelled[name.lower()] for name in asked))
