"""How are solutions found, and by which path? Every optimizer from one start, and the first one in two other ways."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from onepass.arrays import Array
from onepass.lab.data.examples import Dataset
from onepass.lab.landscape.points import flatten
from onepass.lab.network import Network
from onepass.lab.settings import Setting, all_optimizers, setting
from onepass.lab.train.training import Run, train


@dataclass(frozen=True)
class Solution:
    """Where a run of training ended, and how it came there.

    Attributes:
        label: tells it from the others.
        path: (epochs + 1, parameters): the parameters at the start and after each epoch.
        params: as it ended, by name.
    """

    label: str
    run: Run
    path: Array
    params: dict[str, Array]

    @property
    def end(self) -> Array:
        point: Array = self.path[-1]
        return point

    @property
    def is_finite(self) -> bool:
        return bool(np.isfinite(self.path).all())

    def described(self) -> dict[str, Any]:
        """All but the parameters, for a program to read."""
        distance = float(np.linalg.norm(self.end - self.path[0]))
        return {"label": self.label, "distance_from_start": distance} | asdict(self.run)


@dataclass(frozen=True)
class Experiment:
    """All that the solutions depend on.

    Attributes:
        hidden: units per hidden layer.
        optimizers: by name.
        large_batch: examples per step of one of the other solutions, at most all.
        seed: decides the start and the order of the data.
    """

    data: Dataset
    hidden: tuple[int, ...]
    optimizers: tuple[str, ...]
    epochs: int
    batch_size: int
    large_batch: int
    seed: int

    @property
    def sizes(self) -> tuple[int, ...]:
        """Units per layer, from the inputs to the classes."""
        return (self.data.features, *self.hidden, self.data.classes)

    @property
    def large_epochs(self) -> int:
        """As many as make the first optimizer's number of steps with large batches."""
        examples = len(self.data.train)
        batch_size = min(setting(self.optimizers[0]).batch_size or self.batch_size, examples)
        return max(1, round(self.epochs * (examples // batch_size) / (examples // self.large_batch)))

    @property
    def total_epochs(self) -> int:
        """Of all solutions."""
        return self.epochs * (len(self.optimizers) + 1) + self.large_epochs

    def __str__(self) -> str:
        epochs = f"{self.epochs} epoch{'s' * (self.epochs > 1)}"
        return f"A {'-'.join(map(str, self.sizes))} network on {self.data}, {epochs}"

    def described(self) -> dict[str, Any]:
        """The same for a program to read."""
        return {
            "data": self.data.name,
            "train_examples": len(self.data.train),
            "test_examples": len(self.data.test),
            "sizes": self.sizes,
            "epochs": self.epochs,
            "batch_size": self.batch_size,
            "large_batch": self.large_batch,
            "seed": self.seed,
        }

    def solutions(self, before_run: Callable[[str], None], after_epoch: Callable[[], None]) -> list[Solution]:
        """One per optimizer, all from one start."""
        found = []
        for name in self.optimizers:
            before_run(name)
            found.append(self._solve(name, name, setting(name), self.epochs, self.seed, after_epoch))
        return found

    def others(self, before_run: Callable[[str], None], after_epoch: Callable[[], None]) -> list[Solution]:
        """Those of the first optimizer with as many steps from large batches, and from another start."""
        name = self.optimizers[0]
        before_run(name)
        large = replace(setting(name), batch_size=self.large_batch)
        return [
            self._solve(f"{name}, batch {self.large_batch}", name, large, self.large_epochs, self.seed, after_epoch),
            self._solve(f"{name}, other start", name, setting(name), self.epochs, self.seed + 1, after_epoch),
        ]

    def _solve(
        self, label: str, name: str, row: Setting, epochs: int, start: int, after_epoch: Callable[[], None]
    ) -> Solution:
        network = Network(self.sizes, start)
        path = [flatten(network.params.values())]

        def record() -> None:
            path.append(flatten(network.params.values()))
            after_epoch()

        run = train(
            label,
            all_optimizers()[name],
            row,
            network,
            self.data,
            epochs=epochs,
            batch_size=self.batch_size,
            seed=self.seed,
            after_epoch=record,
        )
        return Solution(label, run, np.array(path), network.params)
