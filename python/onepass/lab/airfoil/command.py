"""What does `onepass airfoil` do? It solves one least-squares problem with every optimizer, and knows the answer."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from time import perf_counter

from onepass.files import make_folders, whole_file, write_json
from onepass.lab import arguments as kinds
from onepass.lab.airfoil.fitting import exact_minimum, fit, fit_as_text
from onepass.lab.airfoil.generated import generated
from onepass.lab.airfoil.plots import draw_airfoil
from onepass.lab.airfoil.row import grouped
from onepass.lab.airfoil.settings import BATCH_SIZE, EPOCHS, HIGHEST, TEXT, setting
from onepass.lab.airfoil.table import airfoil_table
from onepass.lab.data.airfoil import FILE, Regression, airfoil
from onepass.lab.data.folder import VARIABLE
from onepass.lab.report import console, progress
from onepass.lab.settings import all_optimizers

PICTURE = "onepass-airfoil.png"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `onepass airfoil`."""
    add = parser.add_argument
    add(
        "--data-dir",
        type=Path,
        metavar="DIR",
        help=f"where {FILE} is, or a folder airfoil that holds it (default: ${VARIABLE}; without the file a problem of "
        "the same size and conditioning is generated)",
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--optimizers", type=kinds.optimizers, metavar="A,B,...", help="which ones, by name in any case (default: all)"
    )
    which.add_argument(
        "--gluon", action="store_true", help="the calls of the text that uses this problem, by gluon's trainer"
    )
    add("--seeds", type=kinds.positive, metavar="N", help="so many seeds from --seed on (default: 5)")
    kinds.add_common(parser, PICTURE, seed="decides start and order of the rows", quick="one seed")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Fit, print the table, write the picture; 1 if a tuned optimizer does not come near the exact minimum."""
    picture: Path = arguments.out / PICTURE
    make_folders((picture, arguments.json))

    start = perf_counter()
    data, note = _data(arguments.data_dir)
    names = tuple(TEXT) if arguments.gluon else arguments.optimizers or tuple(all_optimizers())
    seeds = range(arguments.seed, arguments.seed + (arguments.seeds or (1 if arguments.quick else 5)))
    terminal = console()
    fits = []
    with progress(terminal, "runs") as bar:
        task = bar.add_task("", total=len(names) * len(seeds))
        for name in names:
            bar.update(task, description=name)
            for seed in seeds:
                if arguments.gluon:
                    fits.append(fit_as_text(name, data, seed))
                else:
                    fits.append(fit(name, all_optimizers()[name], setting(name), data, seed))
                bar.advance(task)
    rows = grouped(fits, exact_minimum(data))

    title = f"Least squares on {data.name}, {len(data)} rows, batch {BATCH_SIZE}, {EPOCHS} epochs"
    terminal.print(airfoil_table(rows, title if len(seeds) == 1 else f"{title}, means of {len(seeds)} seeds"))
    with whole_file(picture) as file:
        draw_airfoil(rows, title, file)
    if arguments.json:
        experiment = {
            "command": "airfoil",
            "data": data.name,
            "rows": len(data),
            "epochs": EPOCHS,
            "batch_size": BATCH_SIZE,
            "seeds": tuple(seeds),
            "exact_minimum": rows[0].minimum,
            "highest": HIGHEST,
        }
        write_json(arguments.json, {"experiment": experiment, "runs": [asdict(fit) for fit in fits]})
    if note:
        terminal.print(note, soft_wrap=True)
    far = [row.name for row in rows if row.is_near is False]
    terminal.print(_verdict(far, [row.name for row in rows if row.is_near is None]), soft_wrap=True)
    terminal.print(f"{picture} written; {perf_counter() - start:.1f} s in all", soft_wrap=True)
    return 1 if far else 0


def _data(folder: Path | None) -> tuple[Regression, str]:
    """The measurements, or a generated problem and a note that it is one; a folder that was named must have them."""
    try:
        return airfoil(folder), ""
    except FileNotFoundError:
        if folder:
            raise
    note = "Generated, of the same size and conditioning: these are not the measurements. For those, name the folder of"
    return generated(), f"{note} {FILE} with --data-dir DIR or the environment variable {VARIABLE}."


def _verdict(far: list[str], untuned: list[str]) -> str:
    text = f"Not between the exact minimum and {HIGHEST}: {', '.join(far)}."
    if not far:
        text = f"Every {'tuned ' if untuned else ''}optimizer ended between the exact minimum and {HIGHEST}."
    if untuned:
        text += f" Not judged, at their defaults: {', '.join(untuned)}; onepass.lab.airfoil.settings.TUNED has no row."
    return text
