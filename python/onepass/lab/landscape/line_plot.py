"""How does what lies between solutions look? One column per pair: losses above, accuracies below."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from onepass.lab.landscape.levels import drawable
from onepass.lab.landscape.line import Line
from onepass.lab.style import new_figure, styles


def draw_lines(lines: Sequence[Line], title: str, path: Path) -> None:
    """Write a picture of the lines."""
    figure = new_figure(1.2 + 4.3 * len(lines), 6.5, title)
    grid = figure.subplots(2, len(lines), sharex=True, sharey="row", squeeze=False)
    for column, line in zip(grid.T, lines, strict=True):
        losses, accuracies = column
        losses.set_title(f"From {line.start} (alpha = 0)\nto {line.end} (alpha = 1)", fontsize=11)
        losses.set_yscale("log")
        _draw(losses, line, line.train_losses, line.test_losses)
        _draw(accuracies, line, _percent(line.train_accuracies), _percent(line.test_accuracies))
        accuracies.set_xlabel("alpha")
        accuracies.set_xticks((0, 0.5, 1))
    grid[0, 0].set_ylabel("cross-entropy")
    grid[1, 0].set_ylabel("correct, %")
    figure.legend(*grid[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False)
    figure.savefig(path)


def _draw(axes: Axes, line: Line, train: Sequence[float], test: Sequence[float]) -> None:
    look = styles(("training set", "test set"))
    for (name, style), values in zip(look.items(), (train, test), strict=True):
        axes.plot(line.alphas, drawable(np.array(values)), color=style.colour, label=name)
    for alpha in (0, 1):
        axes.axvline(alpha, color="0.6", linewidth=0.8, zorder=0, label="the two solutions" if alpha else None)
    axes.set_xlim(line.alphas[0], line.alphas[-1])
    axes.grid(alpha=0.3)


def _percent(shares: Sequence[float]) -> list[float]:
    return [100 * share for share in shares]
