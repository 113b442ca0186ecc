"""What do several runs say together? One row per optimizer and state dtype: means over the seeds, and differences."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean, stdev
from typing import Any

from onepass.lab.train.training import Run


@dataclass(frozen=True)
class Row:
    """The runs of one optimizer with one state dtype, one per seed, and what they are compared with.

    Attributes:
        label: tells the row from the others.
        baseline: the runs of the same optimizer, from the same seeds, with the state dtype that was named first.
    """

    label: str
    runs: tuple[Run, ...]
    baseline: tuple[Run, ...]

    @property
    def first(self) -> Run:
        """One of the runs, for what does not depend on the seed."""
        return self.runs[0]

    @property
    def same_bits(self) -> bool:
        """Every run has the bits of its NumPy twin."""
        return all(run.same_bits for run in self.runs)

    @property
    def train_losses(self) -> tuple[float, ...]:
        return _means(run.train_losses for run in self.runs)

    @property
    def test_accuracies(self) -> tuple[float, ...]:
        return _means(run.test_accuracies for run in self.runs)

    @property
    def points(self) -> float:
        """How many percentage points of the last test accuracy it has more than the baseline."""
        return fmean(self._points)

    @property
    def points_error(self) -> float | None:
        """The standard error of `points`, None from a single seed."""
        return stdev(self._points) / len(self.runs) ** 0.5 if len(self.runs) > 1 else None

    @property
    def _points(self) -> list[float]:
        pairs = zip(self.runs, self.baseline, strict=True)
        return [100 * (run.test_accuracies[-1] - base.test_accuracies[-1]) for run, base in pairs]

    def mean(self, figure: Callable[[Run], float]) -> float:
        return fmean(map(figure, self.runs))


def rows(runs: Sequence[Run]) -> list[Row]:
    """One row per optimizer and state dtype, in the order of their first runs."""
    grouped: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        grouped.setdefault((run.optimizer, run.state_dtype), []).append(run)
    dtypes = {run.state_dtype: None for run in runs}
    first = next(iter(dtypes))
    return [
        Row(name if len(dtypes) == 1 else f"{name}, {dtype}", tuple(group), tuple(grouped[name, first]))
        for (name, dtype), group in grouped.items()
    ]


def described(rows: Sequence[Row]) -> dict[str, Any]:
    """Every run's figures and the rows' means, for a program to read."""
    return {
        "runs": [asdict(run) | {"ratio": run.ratio} for row in rows for run in row.runs],
        "means": [
            {
                "optimizer": row.first.optimizer,
                "state_dtype": row.first.state_dtype,
                "train_loss": row.train_losses[-1],
                "test_accuracy": row.test_accuracies[-1],
                "points": row.points,
                "points_error": row.points_error,
            }
            for row in rows
        ],
    }


def _means(series: Iterable[Sequence[float]]) -> tuple[float, ...]:
    return tuple(map(fmean, zip(*series, strict=True)))
