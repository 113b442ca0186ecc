"""How do pictures look that are drawn as the site is built? Clear on a light page and on a dark one."""

from __future__ import annotations

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

#: Okabe & Ito's, which colour-blind readers tell apart, and a grey that white and black both let through.
BLUE, ORANGE, GREEN, GREY = "#2f8fd0", "#e06a1b", "#12a37d", "#888888"


def new_axes(width: float, height: float) -> tuple[Figure, Axes]:
    """A figure without a background, with grey axes; size in inches."""
    figure = Figure(figsize=(width, height), dpi=144, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["bottom", "left"]].set_color(GREY)
    axes.tick_params(colors=GREY, labelsize=8)
    axes.xaxis.label.set_color(GREY)
    axes.yaxis.label.set_color(GREY)
    return figure, axes


def save(figure: Figure, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, transparent=True)
