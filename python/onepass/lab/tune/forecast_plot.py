"""What does the best network forecast? Its values beside the series, and its errors beside linear autoregression's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from onepass.lab.style import new_figure
from onepass.lab.tune.results import WINNER, Score
from onepass.lab.tune.search import Individual
from onepass.lab.tune.series import NOISE
from onepass.lab.tune.windows import Split

BLUE, ORANGE = "#0072B2", "#D55E00"

#: So many values can be told apart in one picture.
SHOWN = 150


def draw_forecast(scores: Mapping[str, Score], data: Split, best: Individual, path: Path) -> None:
    """Write a picture of the first values of the test part (above) and of the errors of their forecasts (below)."""
    genes = best.genes
    title = (
        f"One-step forecasts of the best network: {genes.optimizer}, lr {genes.lr:.2g}, {genes.layers} x {genes.units} "
        f"units, dropout {genes.dropout:g}, batch {genes.batch_size}"
    )
    figure = new_figure(13.5, 6.4, title)
    values, errors = figure.subplots(2, 1, sharex=True, height_ratios=(1.6, 1))
    series = data.unscaled(data.test.targets)[:SHOWN]
    steps = np.arange(1, len(series) + 1)
    values.plot(steps, series, "o", color="black", markersize=3.5, label="the series")
    values.plot(steps, scores[WINNER].forecasts[:SHOWN], color=BLUE, linewidth=1.5, label=WINNER)
    values.set_ylabel("value")
    *_, rival = (name for name in scores if name != WINNER)
    for name, colour, dashes in ((rival, ORANGE, (0, (5, 1.5))), (WINNER, BLUE, "-")):
        wrong = scores[name].forecasts[:SHOWN] - series
        label = f"{name}\n(RMSE of the whole part {scores[name].test:.3f})"
        errors.plot(steps, wrong, color=colour, linestyle=dashes, linewidth=1.3, label=label)
    errors.axhspan(-2 * NOISE, 2 * NOISE, color="0.88", zorder=0, label="twice the deviation\nof the noise")
    errors.set_ylabel("forecast - value")
    errors.set_xlabel("step in the test part")
    errors.set_xlim(0, len(series) + 1)
    for axes in (values, errors):
        axes.grid(alpha=0.3)
        axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    figure.savefig(path)
