"""What does `onepass airfoil` print? One line per optimizer: its learning rate and where it ended."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.table import Table

from onepass.lab.airfoil.row import Row
from onepass.lab.airfoil.settings import HIGHEST

NEAR = {True: "yes", False: "[bold red]NO[/]", None: "untuned"}


def airfoil_table(rows: Sequence[Row], title: str) -> Table:
    """Sorted by the mean of the final losses."""
    minimum, seeds = rows[0].minimum, len(rows[0].fits)
    caption = f"exact minimum {minimum:.17g} (direct solution); no loss may be below it or above {HIGHEST}"
    table = Table(title=title, box=SIMPLE_HEAD, pad_edge=False, caption=caption)
    table.add_column("Optimizer", no_wrap=True)
    spread_headings = ("Least of\nseeds", "Largest of\nseeds") if seeds > 1 else ()
    for heading in ("lr", "Final\nloss", "Above the\nminimum", *spread_headings):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("Near", justify="center")
    for row in sorted(rows, key=lambda row: row.mean):
        spread = (f"{min(row.finals):.5f}", f"{max(row.finals):.5f}") if seeds > 1 else ()
        lr = "-" if row.lr is None else f"{row.lr:g}"
        table.add_row(row.name, lr, f"{row.mean:.5f}", f"{row.mean - minimum:.5f}", *spread, NEAR[row.is_near])
    return table
