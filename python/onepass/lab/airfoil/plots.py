"""What do the fits look like? One small picture per optimizer, all with the same axes, before those of the others."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from pathlib import Path

from matplotlib.axes import Axes

from onepass.lab.airfoil.fitting import Fit
from onepass.lab.airfoil.row import Row
from onepass.lab.airfoil.settings import EPOCHS
from onepass.lab.style import new_figure

COLUMNS = 5
BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "0.82"


def draw_airfoil(rows: Sequence[Row], title: str, path: Path) -> None:
    """Write a picture of losses against epochs; the first seed's runs."""
    lines = ceil(len(rows) / COLUMNS)
    figure = new_figure(13.5, 1.3 + 2.2 * lines, title)
    grid = figure.subplots(lines, COLUMNS, sharex=True, sharey=True, squeeze=False)
    figure.supxlabel("epoch")
    figure.supylabel("half the mean squared error")
    for axes, row in zip(grid.flat, rows, strict=False):
        for other in rows:
            _draw(axes, other.fits[0], GREY, 0.8)
        axes.axhline(row.minimum, color=ORANGE, linestyle=(0, (5, 1.5)), linewidth=1.2, label="exact minimum")
        _draw(axes, row.fits[0], BLUE, 1.8)
        axes.set_title(row.name if row.lr is None else f"{row.name}, lr {row.lr:g}", fontsize=10)
        ending = f"ends at {row.fits[0].losses[-1]:.4f}"
        axes.annotate(ending, (0.96, 0.9), xycoords="axes fraction", ha="right", va="top")
        axes.set_xlim(0, EPOCHS)
        axes.set_ylim(0.22, 0.35)  # the range that the texts draw
        axes.set_xticks(range(EPOCHS + 1))
        axes.grid(alpha=0.3)
    for axes in grid.flat[len(rows) :]:
        axes.set_axis_off()
    handles, labels = grid.flat[0].get_legend_handles_labels()
    thin, own = grid.flat[0].lines[0], grid.flat[0].lines[-1]
    figure.legend(
        [own, thin, *handles],
        ["the optimizer", "the others", *labels],
        loc="outside lower right",
        ncols=3,
        frameon=False,
    )
    figure.savefig(path)


def _draw(axes: Axes, fit: Fit, colour: str, width: float) -> None:
    axes.plot(fit.epochs, fit.losses, color=colour, linewidth=width)
