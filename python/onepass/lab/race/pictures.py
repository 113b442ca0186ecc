"""What does a race look like? A picture with one panel per surface."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from onepass.lab.race.outcome import Run
from onepass.lab.race.panel import Panel, legend_entries
from onepass.lab.style import new_figure, save_png, styles

#: The runs on each surface; on all of them the racers are the same.
Races = Sequence[Sequence[Run]]


def draw_races(races: Races, steps: int, path: Path) -> None:
    """Write the picture of all steps."""
    figure, grid, panels = new_panels(races, steps, panel_inches=3.7)
    for axes, panel, runs in zip(grid, panels, races, strict=True):
        surface = runs[0].surface
        axes.set_title(surface.title, fontsize=11, pad=20)
        axes.annotate(  # higher than a cross on the edge
            surface.formula,
            (0.5, 1),
            (0, 8),
            xycoords="axes fraction",
            textcoords="offset points",
            ha="center",
            fontsize=7.5,
        )
        axes.set_xlabel("step" if surface.size == 1 else "x", labelpad=1)
        axes.set_ylabel("x" if surface.size == 1 else "y", labelpad=1)
        panel.show(steps)
    save_png(figure, path)


def new_panels(races: Races, steps: int, panel_inches: float) -> tuple[Figure, list[Axes], list[Panel]]:
    """A figure with the legend beside its panels, four in a row; a few are larger."""
    columns = min(len(races), 4)
    side = panel_inches * max(1.0, 2 - 0.5 * (columns - 1))
    rows = ceil(len(races) / columns)
    figure = new_figure(side * columns + 1.4, side * rows)
    grid: list[Axes] = list(figure.subplots(rows, columns, squeeze=False).flat)
    for axes in grid[len(races) :]:
        axes.remove()
    look = styles(run.racer for run in races[0])
    panels = [Panel(axes, runs, steps, look) for axes, runs in zip(grid, races, strict=False)]
    figure.legend(handles=legend_entries(look), loc="outside right center", frameon=False, handlelength=2.8)
    return figure, grid[: len(races)], panels
