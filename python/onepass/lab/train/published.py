"""How do our figures compare with published ones? Number by number, or only by their order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from onepass.lab.train.rows import Row


@dataclass(frozen=True)
class Figure:
    """A number that was published.

    Attributes:
        quantity: "training loss" or "test accuracy".
        epoch: after which it was so.
        within: how far ours may be from it; None: it is only shown.
    """

    quantity: str
    epoch: int
    value: float
    within: float | None = None


@dataclass(frozen=True)
class Comparison:
    """A published figure, and ours."""

    figure: Figure
    ours: float

    @property
    def verdict(self) -> str:
        """Is it as near as it must be: yes or NO? A dash if it need not be."""
        if self.figure.within is None:
            return "-"
        return "yes" if abs(self.ours - self.figure.value) <= self.figure.within else "NO"  # NaN is not near


def series(row: Row) -> dict[str, tuple[float, ...]]:
    """What may have been published, by epoch."""
    return {"training loss": row.train_losses, "test accuracy": row.test_accuracies}


def compared(row: Row, figures: Sequence[Figure]) -> list[Comparison]:
    """Those of the epochs that the row has reached."""
    ours = series(row)
    return [
        Comparison(figure, ours[figure.quantity][figure.epoch])
        for figure in figures
        if figure.epoch < len(ours[figure.quantity])
    ]


def comparison_table(comparisons: Sequence[Comparison]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    table.add_column("Figure", no_wrap=True)
    for heading in ("Epoch", "Published", "Ours", "Differs by", "May differ by"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("Near enough", justify="center")
    for comparison in comparisons:
        figure = comparison.figure
        table.add_row(
            figure.quantity,
            str(figure.epoch),
            f"{figure.value:.6g}",
            f"{comparison.ours:.6f}",
            f"{comparison.ours - figure.value:+.6f}",
            "" if figure.within is None else f"{figure.within:.6f}",
            comparison.verdict.replace("NO", "[bold red]NO[/]"),
        )
    return table


def order_of(rows: Sequence[Row], ranking: Mapping[str, float]) -> str:
    """Which order the published figures have, which ours, and whether that is the same; of the rows that have both."""
    ours = {row.label: row.mean(lambda run: run.last_batch_accuracy) for row in rows if row.label in ranking}
    theirs = _descending({label: ranking[label] for label in ours})
    same = "the same" if _descending(ours) == theirs else "not the same"
    return (
        f"Published order: {' > '.join(theirs)}\n"
        f"Ours:            {' > '.join(_descending(ours))}\n"
        f"The order is {same}; the published figures came from a defective code, so that only it is a reference."
    )


def described(comparisons: Sequence[Comparison]) -> list[dict[str, Any]]:
    """For a program to read."""
    return [asdict(comparison) | {"verdict": comparison.verdict} for comparison in comparisons]


def _descending(figures: Mapping[str, float]) -> list[str]:
    return sorted(figures, key=lambda label: -figures[label])
