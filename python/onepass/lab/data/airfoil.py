"""Where are the measurements of a wing's noise? In a folder that the user names; they do not come along."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from onepass.arrays import Array
from onepass.lab.data.folder import find_files

FILE = "airfoil_self_noise.dat"
ROWS = 1500
COLUMNS = 6


@dataclass(frozen=True)
class Regression:
    """Rows of `features` (n, k) and one number in `targets` (n,) for each, in float64."""

    name: str
    features: Array
    targets: Array

    def __len__(self) -> int:
        return len(self.targets)


class BadAirfoilFile(OSError):
    """The file is not the table of numbers that it should be."""


def airfoil(folder: Path | None = None) -> Regression:
    """NASA's airfoil self-noise: the first 1500 rows of five features and the sound level in decibels, standardised.

    Each column loses its mean and is divided by its standard deviation, both over all rows of the file (1503), the
    latter with n in the denominator.

    Args:
        folder: holds the file, or has a subfolder ``airfoil`` that does; None: what the environment variable
            ONEPASS_DATA names.

    Raises:
        FileNotFoundError: it is not there; the message says which, and the ways out.
        BadAirfoilFile: it has another shape, or something in it is not a number.

    Reference:
        Brooks, Pope, Marcolini, Airfoil self-noise and prediction, NASA RP-1218, 1989.
    """
    way_out = "name no folder: a problem is then generated"
    path = find_files("The airfoil data", "airfoil", (FILE,), folder, way_out)[FILE]
    try:
        table = np.loadtxt(path, ndmin=2)  # unpacks .gz by itself
    except ValueError as error:
        raise BadAirfoilFile(f"{path}: {error}") from None
    if table.shape[1:] != (COLUMNS,) or len(table) < ROWS:
        shape = " x ".join(map(str, table.shape))
        raise BadAirfoilFile(f"{path}: holds {shape} numbers, not at least {ROWS} x {COLUMNS}")
    if not np.isfinite(table).all():
        raise BadAirfoilFile(f"{path}: holds an infinity or a NaN")
    deviations = table.std(axis=0)
    if not deviations.all():
        raise BadAirfoilFile(f"{path}: column {int(deviations.argmin())} has the same number in every row")
    standardised = ((table - table.mean(axis=0)) / deviations)[:ROWS]
    return Regression("NASA airfoil self-noise", standardised[:, :-1], standardised[:, -1])
