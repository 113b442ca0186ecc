"""What must a network beat? Forecasts that need no tuning: an old value, or a linear function of the window."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from onepass.arrays import Array
from onepass.lab.tune.windows import Windows

#: From windows (n, T) to the values (n,) that are forecast.
Forecast = Callable[[Array], Array]


def rivals(train: Windows) -> dict[str, Forecast]:
    """By name: the last value, the one a cycle ago, and linear autoregression, the last two fitted to `train`."""
    lag, coefficients = cycle(train), _regression(train)
    return {
        "the last value": lambda windows: windows[:, -1],
        f"the value {lag} steps ago": lambda windows: windows[:, -lag],
        "linear autoregression": lambda windows: windows @ coefficients[:-1] + coefficients[-1],
    }


def cycle(train: Windows) -> int:
    """How many steps, from 2 on, before its target the value lies that is nearest to it in the mean square."""
    errors = np.mean((train.inputs[:, -2::-1] - train.targets[:, None]) ** 2, axis=0)
    return 2 + int(errors.argmin())


def _regression(train: Windows) -> Array:
    """One weight for each value of the window, and a constant."""
    inputs = np.column_stack([train.inputs, np.ones(len(train))])
    coefficients: Array = np.linalg.lstsq(inputs, train.targets, rcond=None)[0]
    return coefficients
