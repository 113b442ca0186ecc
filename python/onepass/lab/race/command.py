"""What does `onepass race` do? It lets optimizers go over surfaces, and draws where they went."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from time import perf_counter

from onepass.files import make_folders, whole_file, write_json
from onepass.lab import arguments as kinds
from onepass.lab.race.animation import KINDS, animate, can_write_mp4, frame_steps
from onepass.lab.race.outcome import STEPS, race
from onepass.lab.race.page import write_page
from onepass.lab.race.pictures import Races, draw_races
from onepass.lab.race.racers import Racer, optimizer_racer
from onepass.lab.race.rates import rate
from onepass.lab.race.solvers import SOLVERS, solver_racer
from onepass.lab.race.surfaces import SURFACES, Surface
from onepass.lab.race.table import race_table
from onepass.lab.report import console, progress
from onepass.lab.settings import all_optimizers

OPTIMIZERS = ("SGD", "Momentum", "Nesterov", "Adagrad", "Adadelta", "RMSprop", "Adam", "CG", "BFGS", "Newton")
#: What stands for several names.
GROUPS = {"first-order": tuple(all_optimizers()), "second-order": tuple(SOLVERS)}
GROUPS["all"] = GROUPS["first-order"] + GROUPS["second-order"]
QUICK_SURFACES = ("rosenbrock", "x-cos")
QUICK_OPTIMIZERS = ("SGD", "Momentum", "Adam")
FRAMES, QUICK_FRAMES = 70, 12


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `onepass race`."""
    add = parser.add_argument
    add("--surfaces", type=_surfaces, metavar="A,B,...", help=f"which ones: {', '.join(SURFACES)} (default: all)")
    add(
        "--optimizers",
        type=_optimizers,
        metavar="A,B,...",
        help=f"which ones, by name in any case, or {', '.join(GROUPS)} (default: {', '.join(OPTIMIZERS)})",
    )
    add("--steps", type=kinds.positive, default=STEPS, metavar="N", help=f"of each optimizer (default: {STEPS})")
    add(
        "--lr", type=_rate, metavar="X", help="the learning rate of all that have one (default: tuned for each surface)"
    )
    add(
        "--animation",
        choices=KINDS,
        default="gif",
        help="what to write beside the picture; mp4 needs ffmpeg, html has buttons to stop and step (default: gif)",
    )
    add("--html", action="store_true", help="write a page as well that has sliders for learning rate and momentum")
    kinds.add_common(
        parser,
        "onepass-race.png",
        seed="decides the noise of the noisy gradients",
        quick=f"only {', '.join(QUICK_OPTIMIZERS)} on {', '.join(QUICK_SURFACES)}, and fewer frames",
    )
    parser.set_defaults(run=run, error=parser.error)


def run(arguments: argparse.Namespace) -> int:
    """Race, print the table, write picture, animation and page."""
    if arguments.animation == "mp4" and not can_write_mp4():
        arguments.error(
            "argument --animation: mp4 needs ffmpeg, which is not installed; on Debian: apt install ffmpeg; "
            "or take --animation gif or html"
        )
    quick, steps = arguments.quick, arguments.steps
    surfaces = [SURFACES[name] for name in arguments.surfaces or (QUICK_SURFACES if quick else SURFACES)]
    names = arguments.optimizers or (QUICK_OPTIMIZERS if quick else OPTIMIZERS)
    picture = arguments.out / "onepass-race.png"
    animation = (
        None if arguments.animation == "none" else arguments.out / f"onepass-race-animation.{arguments.animation}"
    )
    page = arguments.out / "onepass-race.html" if arguments.html else None
    make_folders((picture, arguments.json))

    start = perf_counter()
    terminal = console()
    races = [
        [race(racer, surface, steps, arguments.seed) for racer in _racers(names, surface, arguments.lr)]
        for surface in surfaces
    ]
    rates = f"learning rate {arguments.lr:g}" if arguments.lr else "tuned learning rates"
    terminal.print(race_table(races, f"{len(names)} optimizers, {steps} steps, {rates}"))
    with whole_file(picture) as file:
        draw_races(races, steps, file)
    if animation:
        frames = QUICK_FRAMES if quick else FRAMES
        with progress(terminal, "frames") as bar:
            task = bar.add_task("animation", total=len(frame_steps(steps, frames)))
            with whole_file(animation) as file:
                animate(races, steps, file, frames=frames, after_frame=lambda: bar.advance(task))
    if page:
        with progress(terminal, "surfaces") as bar:
            task = bar.add_task("page", total=len(surfaces))
            with whole_file(page) as file:
                write_page(surfaces, names, file, seed=arguments.seed, after_surface=lambda: bar.advance(task))
    if arguments.json:
        write_json(arguments.json, _described(arguments, races))
    files = ", ".join(str(file) for file in (picture, animation, page) if file)
    terminal.print(f"{files} written; {perf_counter() - start:.1f} s in all", soft_wrap=True)
    return 0


def _racers(names: Sequence[str], surface: Surface, lr: float | None) -> list[Racer]:
    return [
        solver_racer(name) if name in SOLVERS else optimizer_racer(name, rate(name, surface) if lr is None else lr)
        for name in names
    ]


def _described(arguments: argparse.Namespace, races: Races) -> dict[str, object]:
    """The results for a program to read."""
    experiment = {"command": "race", "steps": arguments.steps, "lr": arguments.lr, "seed": arguments.seed}
    return {"experiment": experiment, "runs": [run.described() for runs in races for run in runs]}


def _surfaces(text: str) -> tuple[str, ...]:
    return kinds.named(text, "surface", tuple(SURFACES))


def _optimizers(text: str) -> tuple[str, ...]:
    spelled = ",".join(",".join(GROUPS.get(name.strip().lower(), (name,))) for name in text.split(","))
    return kinds.named(spelled, "optimizer", GROUPS["all"])


def _rate(text: str) -> float:
    try:
        lr = float(text)
    except ValueError:
        lr = -1.0
    if not 0 < lr < float("inf"):
        raise argparse.ArgumentTypeError(f"must be a number above 0, got {text!r}")
    return lr
