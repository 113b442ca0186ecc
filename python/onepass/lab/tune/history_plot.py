"""What does the search look like? Every trial by its optimizer, the best so far, and the learning rates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, MaxNLocator, NullFormatter, StrMethodFormatter

from onepass.lab.settings import all_optimizers
from onepass.lab.style import new_figure, styles
from onepass.lab.tune.genes import LEARNING_RATES
from onepass.lab.tune.results import WINNER, Score
from onepass.lab.tune.search import Search
from onepass.lab.tune.series import NOISE

#: One shape for each round of the colours.
SHAPES = "os^DvPX<>"

#: For forecasts that are no trials.
DASHES = ((0, (9, 2)), (0, (5, 1.5)), "-.", (0, (1, 1.2)))


def draw_history(found: Search, scores: Mapping[str, Score], title: str, path: Path) -> None:
    """Write a picture of errors against trials (left) and against learning rates (right)."""
    figure = new_figure(13.5, 6.4, title)
    trials, rates = figure.subplots(1, 2, sharey=True, width_ratios=(1.8, 1))
    levels = {name: score.validation for name, score in scores.items() if name != WINNER} | {"the noise alone": NOISE}
    top = 1.5 * max(levels.values())
    numbers = [one.number for one in found.individuals]
    errors = [one.error for one in found.individuals]
    _draw_points(trials, found, numbers, top)
    _draw_points(rates, found, [one.genes.lr for one in found.individuals], top)
    _draw_generations(trials, found)
    for axes in (trials, rates):
        for (name, level), dashes in zip(levels.items(), DASHES, strict=True):
            axes.axhline(level, color="0.45", linestyle=dashes, linewidth=1.1, label=name)
        axes.grid(which="major", alpha=0.3)
    best = np.minimum.accumulate(errors)
    trials.step(numbers, best, where="post", color="black", linewidth=1.8, label="the best so far")
    _set_scales(trials, rates, len(numbers), top)
    above = " (at the upper edge: worse, or diverged)" if max(errors) > top else ""
    trials.set_title(f"Trials{above}", fontsize=11, pad=20)
    rates.set_title("The same by learning rate", fontsize=11, pad=20)
    rates.legend(*trials.get_legend_handles_labels(), loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    figure.savefig(path)


def _set_scales(trials: Axes, rates: Axes, number: int, top: float) -> None:
    trials.set_xlim(0, number + 1)
    trials.xaxis.set_major_locator(MaxNLocator(integer=True))
    trials.set_xlabel("trial")
    trials.set_yscale("log")
    trials.set_ylim(0.85 * NOISE, 1.08 * top)
    trials.yaxis.set_major_locator(FixedLocator([0.02, 0.03, 0.05, 0.1, 0.2, 0.3]))
    trials.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    trials.yaxis.set_minor_formatter(NullFormatter())
    trials.set_ylabel("root mean square error in the validation part")
    rates.set_xscale("log")
    rates.set_xlim(0.7 * LEARNING_RATES[0], LEARNING_RATES[1] / 0.7)
    rates.set_xlabel("learning rate")


def _draw_points(axes: Axes, found: Search, places: Sequence[float], top: float) -> None:
    """One point per trial, in the colour and shape of its optimizer, which no other trial changes."""
    names = tuple(all_optimizers())
    look = styles(names)
    met: Counter[str] = Counter()
    for name in names:
        shape = SHAPES[met[look[name].colour] % len(SHAPES)]
        met[look[name].colour] += 1
        mine = [index for index, one in enumerate(found.individuals) if one.genes.optimizer == name]
        errors = [min(found.individuals[index].error, top) for index in mine]
        axes.plot(
            [places[index] for index in mine],
            errors,
            linestyle="none",
            marker=shape,
            color=look[name].colour,
            markeredgecolor="white",
            markeredgewidth=0.4,
            markersize=7,
            label=name if mine else None,
            zorder=3,
        )


def _draw_generations(axes: Axes, found: Search) -> None:
    """A line before each generation, and its number above."""
    first: dict[int, int] = {}
    for one in found.individuals:
        first.setdefault(one.generation, one.number)
    for number in first.values():
        axes.axvline(number - 0.5, color="0.75", linewidth=0.8, zorder=0)
    step = -(-len(first) // 12)  # so that numbers do not run into each other
    for generation, number in list(first.items())[::step]:
        label = f"generation {generation}" if generation == 1 else f"{generation}"
        axes.annotate(label, (number - 0.3, 1.01), xycoords=("data", "axes fraction"), fontsize=9, color="0.35")
