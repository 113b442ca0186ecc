"""How good is what was found? Its forecasts beside those that need no tuning, in the parts that nobody learnt from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from onepass.arrays import Array
from onepass.lab.tune.lstm import LSTM
from onepass.lab.tune.rivals import rivals
from onepass.lab.tune.windows import Split

WINNER = "the best network"


@dataclass(frozen=True)
class Score:
    """Root mean square errors in units of the series, and the forecasts (n,) for the test part in the same units."""

    validation: float
    test: float
    forecasts: Array


def scores(network: LSTM, data: Split) -> Mapping[str, Score]:
    """By name: the rivals', and last the network's."""
    forecasts = {**rivals(data.train), WINNER: network.forecast}
    return {
        name: Score(
            data.rmse(forecast(data.validation.inputs), data.validation),
            data.rmse(forecast(data.test.inputs), data.test),
            data.unscaled(forecast(data.test.inputs)),
        )
        for name, forecast in forecasts.items()
    }
