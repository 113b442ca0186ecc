"""What does `onepass tune` print? The best trials, and what the best network is worth beside simpler forecasts."""

from __future__ import annotations

from collections.abc import Mapping

from rich.box import SIMPLE_HEAD
from rich.table import Table

from onepass.lab.tune.results import WINNER, Score
from onepass.lab.tune.search import Search
from onepass.lab.tune.series import NOISE
from onepass.lab.tune.windows import Split

SHOWN = 10


def trials_table(search: Search, title: str) -> Table:
    """The best trials first."""
    caption = "RMSE: root mean square error of one-step forecasts in the validation part"
    table = Table(title=title, box=SIMPLE_HEAD, pad_edge=False, caption=caption)
    for heading in ("Trial", "Generation"):
        table.add_column(heading, justify="right")
    table.add_column("Optimizer", no_wrap=True)
    for heading in ("lr", "Units", "Layers", "Dropout", "Batch", "RMSE"):
        table.add_column(heading, justify="right")
    for one in search.ranked[:SHOWN]:
        genes = one.genes
        numbers = (genes.units, genes.layers, f"{genes.dropout:.2f}", genes.batch_size, f"{one.error:.4f}")
        table.add_row(str(one.number), str(one.generation), genes.optimizer, f"{genes.lr:.2g}", *map(str, numbers))
    return table


def scores_table(scores: Mapping[str, Score], data: Split) -> Table:
    """From the simplest forecast to the network's, and what the noise leaves."""
    title = "Root mean square errors of one-step forecasts"
    table = Table(title=title, box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("Forecast", no_wrap=True)
    for heading, part in (("Validation", data.validation), ("Test", data.test)):
        table.add_column(f"{heading}\n{len(part)} values", justify="right")
    for name, score in scores.items():
        table.add_row(name, f"{score.validation:.4f}", f"{score.test:.4f}", style="bold" if name == WINNER else None)
    table.add_row("the noise alone", *[f"{NOISE:.4f}"] * 2)
    return table
