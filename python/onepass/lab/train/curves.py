"""How does learning proceed? Training loss and test accuracy as lines over the epochs, beside what was published."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, NullLocator, PercentFormatter

from onepass.lab.style import new_figure, save_png, styles
from onepass.lab.train.plots import draw_series
from onepass.lab.train.published import Figure
from onepass.lab.train.rows import Row

_ACCURACIES = (0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.96, 0.97, 0.98, 0.99)


def draw_curves(rows: Sequence[Row], title: str, path: Path, figures: Sequence[Figure] = ()) -> None:
    """Write a picture of training losses (left) and test accuracies (right), with published figures as rings."""
    look = styles(row.label for row in rows)
    figure = new_figure(14.8, 6.2, title)
    losses, accuracies = figure.subplots(1, 2)
    # The legend lists the rows as they end, the best first.
    for row in sorted(rows, key=lambda row: row.test_accuracies[-1], reverse=True):
        draw_series(losses, row.label, row.train_losses, look[row.label])
        draw_series(accuracies, row.label, row.test_accuracies, look[row.label])
    reached = [shown for shown in figures if shown.epoch < len(rows[0].train_losses)]
    for axes, quantity in ((losses, "training loss"), (accuracies, "test accuracy")):
        _draw_published(axes, [shown for shown in reached if shown.quantity == quantity])
    losses.set_yscale("log")
    losses.set_ylabel("cross-entropy, mean over the epoch's batches")
    losses.set_title("Training loss")
    # From 90 to 95 % half of the errors go, as from 95 to 97.5: a scale of equal steps would show neither.
    accuracies.set_yscale("logit")
    accuracies.set_ylim(0.06, 0.992)
    accuracies.yaxis.set_major_locator(FixedLocator(_ACCURACIES))
    accuracies.yaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=""))
    accuracies.yaxis.set_minor_locator(NullLocator())
    accuracies.set_ylabel("correct in the test set, %, on a logit scale", labelpad=8)
    accuracies.set_title("Test accuracy")
    handles, labels = losses.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right center", frameon=False, handlelength=3.2)
    save_png(figure, path)


def _draw_published(axes: Axes, figures: Sequence[Figure]) -> None:
    if figures:
        epochs, values = [shown.epoch for shown in figures], [shown.value for shown in figures]
        axes.plot(epochs, values, "o", color="black", fillstyle="none", markersize=9, label="published", clip_on=False)
