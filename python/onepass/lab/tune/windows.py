"""How does a series become examples? Windows of past values and the one that follows, in three parts along time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from onepass.arrays import Array

#: Values in a window: two of the cycles of the series.
WINDOW = 14

#: Where the part to train on ends, and where the one to choose by: shares of the series.
TRAIN_UNTIL, VALIDATE_UNTIL = 0.6, 0.8


@dataclass(frozen=True)
class Windows:
    """One row of `inputs` (n, T), from old to new, and the next value in `targets` (n,) for each, standardised."""

    inputs: Array
    targets: Array

    def __len__(self) -> int:
        return len(self.targets)

    def take(self, indices: Array) -> Windows:
        return Windows(self.inputs[indices], self.targets[indices])


@dataclass(frozen=True)
class Split:
    """Parts of a series in the order of time; no target of one is a target of another.

    Attributes:
        mean, deviation: of the part to train on, by which all parts are standardised.
    """

    train: Windows
    validation: Windows
    test: Windows
    mean: float
    deviation: float

    def unscaled(self, standardised: Array) -> Array:
        """In units of the series."""
        return self.mean + self.deviation * standardised

    def rmse(self, forecasts: Array, part: Windows) -> float:
        """The root mean square error in units of the series."""
        return float(self.deviation * np.sqrt(np.mean((forecasts - part.targets) ** 2)))


def split(series: Array) -> Split:
    """60 % to train on, 20 % to choose by and 20 % to test, standardised, in float32."""
    ends = [round(share * len(series)) for share in (TRAIN_UNTIL, VALIDATE_UNTIL)]
    known = series[: ends[0]]
    mean, deviation = float(known.mean()), float(known.std())
    scaled = ((series - mean) / deviation).astype(np.float32)
    rows = np.lib.stride_tricks.sliding_window_view(scaled, WINDOW + 1)
    parts = np.split(rows, [end - WINDOW for end in ends])
    train, validation, test = (Windows(part[:, :-1], part[:, -1]) for part in parts)
    return Split(train, validation, test, mean, deviation)
