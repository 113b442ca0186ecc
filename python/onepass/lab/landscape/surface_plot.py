"""How does the loss around a solution look? As contours, and one of them as a surface."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LinearSegmentedColormap, LogNorm
from matplotlib.contour import QuadContourSet
from matplotlib.figure import Figure

from onepass.lab.landscape.levels import contour_levels, drawable, powers_of_ten
from onepass.lab.landscape.results import Square
from onepass.lab.landscape.surface import Surface
from onepass.lab.style import new_figure

#: Less than usual, because areas of many shades make large files.
DPI = 100

#: From deep to high; light enough for black lines, and as grey levels in the same order.
COLOURS: Colormap = LinearSegmentedColormap.from_list("loss", ["#FFF7E0", "#BFD3C1", "#7FA8B8", "#52719A", "#3C4470"])


def draw_squares(squares: Sequence[Square], title: str, path: Path) -> None:
    """Write a picture of the contours of each square, and of the first as a surface."""
    figure = new_figure(4.6 * (len(squares) + 1), 4.8, title)
    levels = contour_levels(*(square.surface.losses for square in squares))
    flat = [figure.add_subplot(1, len(squares) + 1, column + 1) for column in range(len(squares))]
    for axes, square in zip(flat, squares, strict=True):
        contours = draw_contours(axes, square.surface, levels)
        axes.plot(0, 0, "*", color="black", markersize=11)
        axes.set_title(f"Around {square.label}", fontsize=11)
        axes.set_xlabel("first random direction")
        axes.set_xticks((-1, -0.5, 0, 0.5, 1))
        axes.set_yticks((-1, -0.5, 0, 0.5, 1))
        axes.set_aspect("equal")
    flat[0].set_ylabel("second random direction")
    add_colour_bar(figure, contours, flat)
    _draw_solid(figure, squares[0], levels)
    figure.savefig(path, dpi=DPI)


def draw_contours(axes: Axes, surface: Surface, levels: Sequence[float]) -> QuadContourSet:
    """Areas between levels, and lines at the powers of ten."""
    grid = (surface.x, surface.y, drawable(surface.losses))
    axes.contour(*grid, powers_of_ten(levels), colors="black", linewidths=0.6)
    return axes.contourf(*grid, levels, cmap=COLOURS, norm=LogNorm(levels[0], levels[-1]))


def add_colour_bar(figure: Figure, contours: QuadContourSet, axes: Sequence[Axes]) -> None:
    label = "cross-entropy over the training set"
    figure.colorbar(contours, ax=axes, format="%g", ticks=contours.levels, label=label, pad=0.02, aspect=30)


def _draw_solid(figure: Figure, square: Square, levels: Sequence[float]) -> None:
    columns = len(figure.axes)  # the squares and the colour bar
    solid: Any = figure.add_subplot(1, columns, columns, projection="3d")
    surface = square.surface
    x, y = np.meshgrid(surface.x, surface.y)
    heights = np.log10(np.nan_to_num(drawable(surface.losses), nan=levels[-1]))
    norm = LogNorm(levels[0], levels[-1])
    solid.plot_surface(
        x,
        y,
        heights,
        facecolors=COLOURS(norm(10**heights)),
        rstride=1,
        cstride=1,
        linewidth=0.1,
        edgecolor="0.3",
        shade=False,
    )
    ticks = powers_of_ten(levels)
    solid.set_zticks(np.log10(ticks), [f"{tick:g}" for tick in ticks])
    solid.set_zlim(np.log10(levels[0]), np.log10(levels[-1]))
    solid.set_xticks((-1, 0, 1))
    solid.set_yticks((-1, 0, 1))
    solid.set_xlabel("first direction")
    solid.set_ylabel("second direction")
    solid.set_zlabel("cross-entropy")
    solid.set_title(f"Around {square.label}", fontsize=11)
    solid.view_init(elev=32, azim=-60)
    solid.set_box_aspect(None, zoom=0.8)
