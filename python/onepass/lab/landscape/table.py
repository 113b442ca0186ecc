"""What does `onepass landscape` print? Where each path ended, and what lies between the solutions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.table import Table

from onepass.lab.landscape.line import Line
from onepass.lab.landscape.results import View
from onepass.lab.landscape.solutions import Solution


def solutions_table(solutions: Sequence[Solution], view: View, title: str) -> Table:
    """One line per solution; what is about the common plane is there for those that are seen on it."""
    first, second = (f"{share:.1%}" for share in view.plane.shares)
    table = Table(
        title=title,
        box=SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
        caption=f"plane: of all optimizers' paths; its axes explain {first}\nand {second} of their variance\n"
        "travelled, off plane: distances of the end from start and plane\n"
        "loss seen: training loss at the plane's nearest point to the end",
    )
    table.add_column("Solution", no_wrap=True)
    for heading in ("Batch", "Steps", "Train\nloss", "Test\naccuracy", "Travelled", "Off\nplane", "Loss\nseen"):
        table.add_column(heading, justify="right", no_wrap=True)
    tracks = {track.label: track for track in view.tracks}
    for solution in solutions:
        run, track = solution.run, tracks.get(solution.label)
        table.add_row(
            solution.label,
            str(run.batch_size),
            str(run.steps),
            f"{run.train_losses[-1]:.4f}",
            f"{run.test_accuracies[-1]:.2%}",
            f"{np.linalg.norm(solution.end - solution.path[0]):.1f}",
            *(() if track is None else (f"{track.distances[-1]:.1f}", f"{track.seen_losses[-1]:.4f}")),
        )
    return table


def lines_table(lines: Sequence[Line]) -> Table:
    """One line per pair of solutions."""
    table = Table(
        box=SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
        caption="barrier: by how much the highest training loss on the way\nexceeds that of the worse end",
    )
    table.add_column("On the line between", no_wrap=True)
    table.add_column("and", no_wrap=True)
    for heading in ("Highest\ntrain loss", "Barrier", "Lowest\ntest accuracy"):
        table.add_column(heading, justify="right", no_wrap=True)
    for line in lines:
        between = [index for index, alpha in enumerate(line.alphas) if 0 <= alpha <= 1]
        table.add_row(
            line.start,
            line.end,
            f"{max(line.train_losses[index] for index in between):.4f}",
            f"{line.barrier:.4f}",
            f"{min(line.test_accuracies[index] for index in between):.2%}",
        )
    return table
