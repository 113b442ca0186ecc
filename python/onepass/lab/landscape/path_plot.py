"""How did the optimizers get there? Their paths over contours of the loss, in the plane that the paths keep to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.contour import QuadContourSet
from matplotlib.patheffects import withStroke

from onepass.lab.landscape.levels import contour_levels
from onepass.lab.landscape.results import Track, View
from onepass.lab.landscape.surface_plot import DPI, add_colour_bar, draw_contours
from onepass.lab.style import Style, new_figure, styles


def draw_own_views(views: Sequence[View], title: str, path: Path) -> None:
    """Write a picture of each path in its own plane."""
    columns = min(len(views), 3)
    rows = -(-len(views) // columns)
    figure = new_figure(max(1.8 + 3.6 * columns, 9), 1.4 + 3.1 * rows, title)
    grid = figure.subplots(rows, columns, squeeze=False)
    levels = contour_levels(*(view.surface.losses for view in views))
    for axes, view in zip(grid.flat, views, strict=False):
        contours = _draw_view(axes, view, levels)
        _draw_path(axes, view.tracks[0], Style("black", "-", ""), ("start", "after each epoch", "end"))
        axes.set_title(view.tracks[0].label, fontsize=11)
    for axes in grid.flat[len(views) :]:
        axes.set_axis_off()
    add_colour_bar(figure, contours, list(grid.flat))
    figure.legend(*grid[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False)
    figure.savefig(path, dpi=DPI)


def draw_common_view(view: View, title: str, path: Path) -> None:
    """Write a picture of all paths in their common plane."""
    figure = new_figure(12, 6.5, title)
    axes = figure.subplots()
    contours = _draw_view(axes, view, contour_levels(view.surface.losses))
    look = styles(track.label for track in view.tracks)
    for track in view.tracks:
        _draw_path(axes, track, look[track.label], (None, track.label, None))
    add_colour_bar(figure, contours, [axes])
    figure.legend(*axes.get_legend_handles_labels(), loc="outside right center", frameon=False)
    figure.savefig(path, dpi=DPI)


def _draw_view(axes: Axes, view: View, levels: Sequence[float]) -> QuadContourSet:
    """The loss on the plane, with what each axis explains."""
    first, second = view.plane.shares
    axes.set_xlabel(f"first component ({first:.1%})")
    axes.set_ylabel(f"second component ({second:.1%})")
    return draw_contours(axes, view.surface, levels)


def _draw_path(axes: Axes, track: Track, style: Style, labels: tuple[str | None, str | None, str | None]) -> None:
    """A line from a circle, by a dot for each epoch, to a star; labels are those of circle, line and star."""
    start, through, end = labels
    rim = [withStroke(linewidth=3, foreground="white")]
    x, y = track.coordinates.T
    look: dict[str, Any] = {"color": style.colour, "markeredgecolor": "white", "linestyle": ""}
    axes.plot(x[:1], y[:1], "o", markersize=8, zorder=3, label=start, **look)
    axes.plot(
        x, y, color=style.colour, linestyle=style.dashes, marker=".", markersize=4, path_effects=rim, label=through
    )
    axes.plot(x[-1:], y[-1:], "*", markersize=13, zorder=3, label=end, **look)
