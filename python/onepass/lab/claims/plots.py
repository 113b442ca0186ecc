"""What does the figure of one claim look like? Its statement, the verdict, and the chart with its legend below."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from onepass.lab.claims.chart import Bars, Chart, Line
from onepass.lab.claims.claim import Claim, Outcome
from onepass.lab.style import new_figure, styles


def draw_claim(claim: Claim, outcome: Outcome, path: Path) -> None:
    """Write the picture."""
    chart = outcome.chart
    height = 0.24 * len(chart.content.names) + 2.4 if isinstance(chart.content, Bars) else 4.6
    figure = new_figure(7.6, max(height, 4.6), claim.statement)
    axes = figure.subplots()
    axes.set_title(f"{claim.name}: {outcome.verdict.value}", fontsize=11)
    if isinstance(chart.content, Bars):
        _draw_bars(axes, chart.content)
    else:
        _draw_lines(axes, chart, chart.content)
    axes.set_xlabel(chart.x_label)
    axes.set_ylabel(chart.y_label)
    axes.spines[["top", "right"]].set_visible(False)
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False, handlelength=3.2)
    figure.savefig(path)


def _draw_lines(axes: Axes, chart: Chart, lines: tuple[Line, ...]) -> None:
    look = styles(line.label for line in lines)
    for line in lines:
        style = look[line.label]
        if line.dots:
            axes.plot(line.x, line.y, "o", color=style.colour, markersize=5, label=line.label)
        else:
            axes.plot(line.x, line.y, color=style.colour, linestyle=style.dashes, linewidth=1.8, label=line.label)
    axes.set_xscale("log" if chart.log_x else "linear")
    axes.set_yscale("log" if chart.log_y else "linear")
    if not chart.log_x and all(float(x).is_integer() for line in lines for x in line.x):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if chart.y_range:
        axes.set_ylim(chart.y_range)
    axes.grid(which="major", alpha=0.3)


def _draw_bars(axes: Axes, bars: Bars) -> None:
    thickness = 0.8 / len(bars.heights)
    places = np.arange(len(bars.names))
    for index, ((label, lengths), style) in enumerate(
        zip(bars.heights.items(), styles(bars.heights).values(), strict=True)
    ):
        offset = (index - (len(bars.heights) - 1) / 2) * thickness
        drawn = axes.barh(places + offset, lengths, thickness, color=style.colour, label=label)
        axes.bar_label(
            drawn, ["" if np.isnan(length) else f"{length:.2g}" for length in lengths], padding=3, fontsize=8
        )
    axes.set_yticks(places, bars.names)
    axes.invert_yaxis()
    axes.tick_params(axis="y", length=0)
    axes.set_xlim(0, 1.1 * np.nanmax(list(bars.heights.values())))
