"""What does `onepass race` print? One line per run, the fastest on each surface first."""

from __future__ import annotations

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.table import Table

from onepass.lab.race.outcome import Outcome, Run
from onepass.lab.race.pictures import Races


def race_table(races: Races, title: str) -> Table:
    """A section for each surface."""
    caption = (
        "Steps: gradients until it stays within the tolerance of the lowest minimum, or until it leaves the region"
    )
    table = Table(title=title, box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True, caption=caption)
    for heading in ("Surface", "Optimizer"):
        table.add_column(heading, no_wrap=True)
    for heading in ("lr", "Steps", "Final value"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("Outcome", no_wrap=True)
    table.add_column("at", no_wrap=True)
    for runs in races:
        surface = runs[0].surface
        names = [surface.name, f"within {surface.tolerance:g}" if surface.minima else "no minimum"]
        for index, run in enumerate(sorted(runs, key=_rank)):
            table.add_row(
                names[index] if index < len(names) else "",
                run.racer,
                "-" if run.lr is None else f"{run.lr:g}",
                "-" if run.steps is None else str(run.steps),
                f"{run.value:.3g}",
                run.outcome.value,
                ", ".join(f"{round(coordinate, 3) + 0:.4g}" for coordinate in run.points[-1]),  # + 0: of -0,
            )
        table.add_section()
    return table


def _rank(run: Run) -> tuple[bool, float, float]:
    steps = np.inf if run.steps is None else run.steps
    return run.outcome is Outcome.DIVERGED, steps, run.value
