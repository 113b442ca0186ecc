"""What do the results look like? Figures that colour-blind readers can read as well."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from textwrap import fill
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from onepass.lab.rows import Row

# Okabe & Ito's colours without yellow, which is too faint for a line; in further rounds they are dashed.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_DASHES: tuple[tuple[Any, str], ...] = (
    ("-", ""),
    ((0, (5, 1.5)), "////"),
    ((0, (1, 1.2)), "...."),
    ("-.", "xx"),
    ((0, (9, 2)), "\\\\\\\\"),
    ((0, (5, 1, 1, 1, 1, 1)), "++"),
    ((0, (3, 4)), "oo"),
    ((0, (9, 1, 1, 1)), "||"),
    ((0, (2, 1)), "--"),
)


@dataclass(frozen=True)
class Style:
    """How one row is drawn: a colour, and a dash pattern with the hatching that stands for it in areas."""

    colour: str
    dashes: Any
    hatch: str


def styles(names: Iterable[str]) -> dict[str, Style]:
    """A style for each name; they differ for up to 63 names, four state dtypes of 15 optimizers."""
    looks = [Style(colour, dashes, hatch) for (dashes, hatch), colour in product(_DASHES, _COLOURS)]
    return {name: looks[index % len(looks)] for index, name in enumerate(names)}


def draw_training(rows: Sequence[Row], title: str, path: Path) -> None:
    """Write a picture of training losses (left) and test accuracies (right), one line and one bar per row."""
    look = styles(row.label for row in rows)
    figure = Figure(figsize=(13.5, 1.8 + 0.32 * max(len(rows), 12)), dpi=130, layout="constrained")
    FigureCanvasAgg(figure)
    losses, accuracies = figure.subplots(1, 2, width_ratios=(1.7, 1))
    figure.suptitle(fill(title, 110), fontsize=14)
    _draw_losses(losses, rows, look)
    _draw_accuracies(accuracies, rows, look)
    figure.savefig(path)


def _draw_losses(axes: Axes, rows: Sequence[Row], look: dict[str, Style]) -> None:
    # The legend lists the rows as their lines end, from top to bottom.
    for row in sorted(rows, key=lambda row: row.train_losses[-1], reverse=True):
        style = look[row.label]
        axes.plot(row.train_losses, color=style.colour, linestyle=style.dashes, linewidth=1.6, label=row.label)
    axes.set_yscale("log")
    axes.set_xlim(0, len(rows[0].train_losses) - 1)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("epoch")
    axes.set_ylabel("cross-entropy over the training set")
    axes.set_title("Training loss")
    axes.grid(which="major", alpha=0.3)
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False, handlelength=3.2)


def _draw_accuracies(axes: Axes, rows: Sequence[Row], look: dict[str, Style]) -> None:
    ordered = sorted(rows, key=lambda row: row.test_accuracies[-1])
    percent = np.array([100 * row.test_accuracies[-1] for row in ordered])
    # All bars from zero would look alike; from a round number well below the worst they differ, and the label says so.
    low = 5 * np.floor((percent.min() - 4) / 5) if percent.min() > 50 else 0.0
    bars = axes.barh(
        [row.label for row in ordered],
        percent,
        color=[look[row.label].colour for row in ordered],
        hatch=[look[row.label].hatch for row in ordered],
        edgecolor="white",
        linewidth=0,
    )
    axes.bar_label(bars, fmt="%.1f %%", padding=4)
    axes.set_xlim(low, low + 1.12 * (percent.max() - low))
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.set_xticks([tick for tick in axes.get_xticks() if low <= tick <= 100])
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("correct in the test set, %" + (f" (the axis starts at {low:.0f} %)" if low else ""))
    axes.set_title("Test accuracy")
    axes.spines[["top", "right"]].set_visible(False)
