"""What do the results look like? Losses as lines, accuracies as bars."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from onepass.lab.style import Style, new_figure, save_png, styles
from onepass.lab.train.rows import Row


def draw_training(rows: Sequence[Row], title: str, path: Path) -> None:
    """Write a picture of training losses (left) and test accuracies (right), one line and one bar per row."""
    look = styles(row.label for row in rows)
    figure = new_figure(13.5, 1.8 + 0.32 * max(len(rows), 12), title)
    losses, accuracies = figure.subplots(1, 2, width_ratios=(1.7, 1))
    _draw_losses(losses, rows, look)
    _draw_accuracies(accuracies, rows, look)
    save_png(figure, path)


def _draw_losses(axes: Axes, rows: Sequence[Row], look: dict[str, Style]) -> None:
    # The legend lists the rows as their lines end, from top to bottom.
    for row in sorted(rows, key=lambda row: row.train_losses[-1], reverse=True):
        draw_series(axes, row.label, row.train_losses, look[row.label])
    axes.set_yscale("log")
    axes.set_ylabel("cross-entropy over the training set")
    axes.set_title("Training loss")
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False, handlelength=3.2)


def draw_series(axes: Axes, label: str, values: Sequence[float], style: Style) -> None:
    """One line over the epochs, from before the first to after the last."""
    axes.plot(values, color=style.colour, linestyle=style.dashes, linewidth=1.6, label=label)
    axes.set_xlim(0, len(values) - 1)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("epoch")
    axes.grid(which="major", alpha=0.3)


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
