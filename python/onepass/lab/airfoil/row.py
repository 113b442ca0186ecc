"""What do the runs of one optimizer say together? Its final losses over the seeds, and whether they are near enough."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from onepass.lab.airfoil.fitting import Fit
from onepass.lab.airfoil.settings import HIGHEST, TEXT, TUNED

#: How far below the exact minimum rounding may take a loss, relative to it.
ROUNDING = 1e-12


@dataclass(frozen=True)
class Row:
    """The runs of one optimizer, one per seed, and the least loss that there is."""

    name: str
    fits: tuple[Fit, ...]
    minimum: float

    @property
    def lr(self) -> float | None:
        """The learning rate, None for an optimizer that has none."""
        hyperparameters = self.fits[0].hyperparameters
        return hyperparameters.get("lr", hyperparameters.get("learning_rate"))

    @property
    def finals(self) -> tuple[float, ...]:
        """The last loss of each run."""
        return tuple(fit.losses[-1] for fit in self.fits)

    @property
    def mean(self) -> float:
        return fmean(self.finals)

    @property
    def is_near(self) -> bool | None:
        """Every run ended between the exact minimum and `HIGHEST`; a NaN is not there.

        None for an optimizer that nobody has tuned: it runs with its defaults, which may suit another problem.
        """
        if self.name not in TUNED and self.name not in TEXT:
            return None
        return all(self.minimum * (1 - ROUNDING) <= loss <= HIGHEST for loss in self.finals)


def grouped(fits: Sequence[Fit], minimum: float) -> list[Row]:
    """One row per optimizer, in the order of their first runs."""
    names = dict.fromkeys(fit.optimizer for fit in fits)
    return [Row(name, tuple(fit for fit in fits if fit.optimizer == name), minimum) for name in names]
