"""How is it drawn? A group of bars for each step, as many times as long as onepass each takes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from onepass.bench.measuring import Measured, short
from onepass.bench.turns import OWN


def draw(results: Sequence[Measured], title: str, path: Path) -> None:
    """Write the picture."""
    names = list(dict.fromkeys(name for result in results for name in result.seconds if name != OWN))
    figure = Figure(figsize=(8, 1.5 + 0.22 * len(results) * (len(names) + 1)), dpi=130, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    thickness = 0.8 / max(1, len(names))
    for index, name in enumerate(names):
        there = [(row, result.ratios()[name]) for row, result in enumerate(results) if name in result.seconds]
        places = [row + (index + 0.5) * thickness - 0.4 for row, _ in there]
        bars = axes.barh(places, [factor - 1 for _, factor in there], thickness, left=1, label=name)
        axes.bar_label(bars, [short(factor) for _, factor in there], padding=2, fontsize=7)
    axes.axvline(1, color="black", linewidth=1)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.margins(x=0.1)
    axes.set_yticks(range(len(results)), [result.work.name for result in results])
    axes.invert_yaxis()
    axes.set_xlabel("time of a step / time of onepass")
    axes.set_title(title, fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    if names:
        figure.legend(loc="outside lower center", ncols=4, frameon=False)
    figure.savefig(path)
