"""What does `onepass landscape` do? It trains a network in several ways, and draws the loss around where they ended."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from time import perf_counter

import numpy as np
from rich.console import Console
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from onepass.files import make_folders, whole_file, write_json
from onepass.lab import arguments as kinds
from onepass.lab.data.digits import digits
from onepass.lab.data.examples import Dataset
from onepass.lab.landscape.explorer import write_explorer
from onepass.lab.landscape.line_plot import draw_lines
from onepass.lab.landscape.path_plot import draw_common_view, draw_own_views
from onepass.lab.landscape.points import Probe
from onepass.lab.landscape.results import Results
from onepass.lab.landscape.solutions import Experiment, Solution
from onepass.lab.landscape.surface_plot import draw_squares
from onepass.lab.landscape.survey import Survey
from onepass.lab.landscape.table import lines_table, solutions_table
from onepass.lab.report import console, progress
from onepass.lab.settings import PLANS

OPTIMIZERS = ("Adam", "SGD", "Momentum", "RMSprop", "Adagrad")
QUICK_OPTIMIZERS = OPTIMIZERS[:3]
RESOLUTION, QUICK_RESOLUTION, LEAST_RESOLUTION = 41, 15, 3
PLAN = PLANS["digits"]
PICTURES = tuple(f"onepass-landscape-{detail}.png" for detail in ("lines", "around", "paths", "common"))
PAGE = "onepass-landscape.html"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `onepass landscape`."""
    add = parser.add_argument
    add(
        "--optimizers",
        type=kinds.optimizers,
        metavar="A,B,...",
        help="whose paths to draw; the first is compared with the second, with itself from large batches and from "
        f"another start (default: {','.join(OPTIMIZERS)})",
    )
    add(
        "--hidden",
        type=kinds.sizes,
        default=PLAN.hidden,
        metavar="N,N,...",
        help=f"units per hidden layer (default: {','.join(map(str, PLAN.hidden))})",
    )
    add("--epochs", type=kinds.positive, metavar="N", help=f"passes over the data (default: {PLAN.epochs})")
    add(
        "--batch-size",
        type=kinds.positive,
        default=PLAN.batch_size,
        metavar="N",
        help=f"examples per step (default: {PLAN.batch_size})",
    )
    add("--large-batch", type=kinds.positive, metavar="N", help="the large one (default: half of the training set)")
    add("--resolution", type=kinds.positive, metavar="N", help=f"points per axis (default: {RESOLUTION})")
    add("--examples", type=kinds.positive, metavar="N", help="measure losses over so many examples only (default: all)")
    add("--html", action="store_true", help=f"write {PAGE} as well: the surface, to turn and zoom in a browser")
    kinds.add_common(
        parser,
        f"{PICTURES[0]} and the others",
        seed="decides split and order of the data, the start, and the random directions",
        quick=f"only {', '.join(QUICK_OPTIMIZERS)}, {PLAN.quick_epochs} epochs and {QUICK_RESOLUTION} points per axis",
    )
    parser.set_defaults(run=run, error=parser.error)


def run(arguments: argparse.Namespace) -> int:
    """Train, measure, draw; 1 if an optimizer and its NumPy twin differ in a bit, or if one diverged."""
    if arguments.resolution and arguments.resolution < LEAST_RESOLUTION:
        arguments.error(f"argument --resolution: {LEAST_RESOLUTION} points are the least for a surface")
    files = [arguments.out / name for name in (*PICTURES, *([PAGE] if arguments.html else []))]
    make_folders((*files, arguments.json))

    start = perf_counter()
    experiment = _experiment(arguments)
    measured = _measured(experiment.data, arguments.examples)
    terminal = console()
    # The products are small: threads of BLAS gain little, and wait long for each other where other programs run.
    with threadpool_limits(1, user_api="blas"):
        solutions, others = _train(terminal, experiment)
        if diverged := [solution.label for solution in (*solutions, *others) if not solution.is_finite]:
            terminal.print(f"{', '.join(diverged)} diverged: nothing can be drawn; name others with --optimizers")
            return 1
        resolution = arguments.resolution or (QUICK_RESOLUTION if arguments.quick else RESOLUTION)
        survey = Survey(Probe(experiment.sizes), measured, resolution, arguments.seed)
        results = _measure(terminal, survey, solutions, others)

    terminal.print(solutions_table([*solutions, *others], results.common_view, str(experiment)))
    terminal.print(lines_table(results.lines))
    terminal.print("Mean loss half the weights' length away, along filter-normalised random directions:")
    for square in results.squares:
        terminal.print(f"  {square.mean_loss_at(0.5):.4f} around {square.label}")
    with whole_file(files[0]) as file:
        draw_lines(results.lines, f"Between solutions. {experiment}", file)
    with whole_file(files[1]) as file:
        draw_squares(results.squares, f"Filter-normalised random directions. {experiment}", file)
    with whole_file(files[2]) as file:
        draw_own_views(results.own_views, f"Each path in its own plane. {experiment}", file)
    with whole_file(files[3]) as file:
        draw_common_view(results.common_view, f"All paths in one plane. {experiment}", file)
    if arguments.html:
        with whole_file(files[4]) as file:
            write_explorer(results.common_view, str(experiment), file)
    if arguments.json:
        described = {"command": "landscape", **experiment.described(), "measured_examples": len(measured.train)}
        runs = [solution.described() for solution in (*solutions, *others)]
        write_json(arguments.json, {"experiment": described, "solutions": runs, **results.described()})
    different = [solution.label for solution in (*solutions, *others) if not solution.run.same_bits]
    if different:
        terminal.print(f"Not the bits of the NumPy reference: {', '.join(different)}")
    terminal.print(f"{', '.join(map(str, files))} written; {perf_counter() - start:.1f} s in all", soft_wrap=True)
    return 1 if different else 0


def _train(terminal: Console, experiment: Experiment) -> tuple[list[Solution], list[Solution]]:
    """The solutions of all optimizers, and the others, with a progress bar."""
    with progress(terminal, "epochs") as bar:
        task = bar.add_task("", total=experiment.total_epochs)
        watch = (lambda name: bar.update(task, description=name), lambda: bar.advance(task))
        return experiment.solutions(*watch), experiment.others(*watch)


def _measure(terminal: Console, survey: Survey, solutions: Sequence[Solution], others: Sequence[Solution]) -> Results:
    """Everything that is drawn, with a progress bar."""
    with progress(terminal, "rows") as bar:
        task = bar.add_task("Measuring", total=survey.rows(len(solutions)))
        return replace(survey, after_row=lambda: bar.advance(task)).results(solutions, others)


def _experiment(arguments: argparse.Namespace) -> Experiment:
    """What the arguments ask for."""
    data, quick = digits(arguments.seed), arguments.quick
    return Experiment(
        data=data,
        hidden=arguments.hidden,
        optimizers=arguments.optimizers or (QUICK_OPTIMIZERS if quick else OPTIMIZERS),
        epochs=arguments.epochs or (PLAN.quick_epochs if quick else PLAN.epochs),
        batch_size=min(arguments.batch_size, len(data.train)),
        large_batch=min(arguments.large_batch or len(data.train) // 2, len(data.train)),
        seed=arguments.seed,
    )


def _measured(data: Dataset, examples: int | None) -> Dataset:
    """The data with so many of the examples to train on; their order is random already."""
    return replace(data, train=data.train.take(np.arange(len(data.train))[:examples]))
