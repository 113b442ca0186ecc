"""How is one surface drawn? Its contours, start and minima, and every racer's way up to a step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.lines import Line2D

from onepass.lab.race.outcome import Run
from onepass.lab.race.relief import drawn, mark, relief
from onepass.lab.style import Style

_PALE = LinearSegmentedColormap.from_list("pale", ("#D3DDE6", "#FFFFFF"))
_START: dict[str, Any] = {"marker": "o", "color": "white", "markeredgecolor": "black", "markersize": 7}
_MINIMUM: dict[str, Any] = {"marker": "*", "color": "black", "markeredgecolor": "white", "markersize": 13}
_LEFT: dict[str, Any] = {"marker": "X", "color": "black", "markeredgecolor": "white", "markersize": 9}


class Panel:
    """Axes that show a race on one surface.

    Args:
        runs: all on that surface.
        look: the style of each racer.
    """

    def __init__(self, axes: Axes, runs: Sequence[Run], steps: int, look: Mapping[str, Style]) -> None:
        surface = runs[0].surface
        across, up, heights = relief(surface, steps)
        axes.contourf(across, up, heights, levels=14, cmap=_PALE)
        axes.contour(across, up, heights, levels=14, colors="#8A99A6", linewidths=0.5, linestyles="solid")
        if surface.size == 1:
            axes.set_xscale("symlog", linthresh=1)
            axes.set_xticks([tick for tick in (0, 1, 10, 100, 1000, 10_000) if tick <= steps])
            axes.set_xticks([], minor=True)
            axes.xaxis.set_major_formatter("{x:.0f}")
        for minimum in surface.minima:
            axes.plot(*mark(minimum), **_MINIMUM, zorder=4, clip_on=False)
        self._ways = [(run, drawn(run.drawn).T) for run in runs]
        self._lines = [
            axes.plot([], [], color=look[run.racer].colour, linestyle=look[run.racer].dashes, linewidth=1.5)[0]
            for run in runs
        ]
        self._heads = [
            axes.plot([], [], color=look[run.racer].colour, zorder=5, clip_on=False, marker="o")[0] for run in runs
        ]
        axes.plot(*mark(surface.start), **_START, zorder=3, clip_on=False)
        axes.set_xlim(across[0], across[-1])
        axes.set_ylim(up[0], up[-1])

    def show(self, step: int) -> list[Artist]:
        """Draw the ways up to this step; returns what has changed."""
        for (run, (x, y)), line, head in zip(self._ways, self._lines, self._heads, strict=True):
            line.set_data(x[: step + 1], y[: step + 1])
            at = min(step, len(x) - 1)
            head.set_data(x[at : at + 1], y[at : at + 1])
            out = run.left and step >= at
            head.set(marker="X" if out else "o", markersize=8 if out else 5, markeredgecolor="white")
        return [*self._lines, *self._heads]


def legend_entries(look: Mapping[str, Style]) -> list[Line2D]:
    """A line for each racer, and the marks."""
    lines = [
        Line2D([], [], color=style.colour, linestyle=style.dashes, linewidth=1.8, label=name)
        for name, style in look.items()
    ]
    marks = [(_START, "start"), (_MINIMUM, "minimum"), (_LEFT, "left the region")]
    return [*lines, *(Line2D([], [], linestyle="", label=label, **marker) for marker, label in marks)]
