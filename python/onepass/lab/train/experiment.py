"""Which runs make an experiment? Every optimizer with every state dtype, on every seed's data from the same start."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from onepass.lab.data.examples import Dataset
from onepass.lab.network import Network
from onepass.lab.settings import all_optimizers, setting
from onepass.lab.train.training import Run, train


@dataclass(frozen=True)
class Experiment:
    """All that its results depend on.

    Attributes:
        datasets: what is learnt from, by seed; all of the same size.
        hidden: units per hidden layer.
        optimizers: by name.
    """

    datasets: Mapping[int, Dataset]
    hidden: tuple[int, ...]
    optimizers: tuple[str, ...]
    state_dtypes: tuple[str, ...]
    epochs: int
    batch_size: int

    @property
    def data(self) -> Dataset:
        """The first of the datasets."""
        return next(iter(self.datasets.values()))

    @property
    def sizes(self) -> tuple[int, ...]:
        """Units per layer, from the inputs to the classes."""
        return (self.data.features, *self.hidden, self.data.classes)

    @property
    def total_epochs(self) -> int:
        """Of all runs."""
        return self.epochs * len(self.optimizers) * len(self.state_dtypes) * len(self.datasets)

    def __str__(self) -> str:
        epochs = f"{self.epochs} epoch{'s' * (self.epochs > 1)}"
        seeds = f", means of {len(self.datasets)} seeds" if len(self.datasets) > 1 else ""
        layers = "-".join(map(str, self.sizes))
        return f"A {layers} network on {self.data}, {epochs}, {', '.join(self.state_dtypes)} state{seeds}"

    def described(self) -> dict[str, Any]:
        """The same for a program to read."""
        return {
            "data": self.data.name,
            "train_examples": len(self.data.train),
            "test_examples": len(self.data.test),
            "sizes": self.sizes,
            "epochs": self.epochs,
            "state_dtypes": self.state_dtypes,
            "seeds": tuple(self.datasets),
        }

    def runs(
        self, before_run: Callable[[str], None] = lambda name: None, after_epoch: Callable[[], None] = lambda: None
    ) -> Iterator[Run]:
        """Train with each in turn.

        Args:
            before_run: is called with the optimizer's name.
        """
        for seed, data in self.datasets.items():
            for name in self.optimizers:
                for state_dtype in self.state_dtypes:
                    before_run(name)
                    yield train(
                        name,
                        all_optimizers()[name],
                        setting(name),
                        Network(self.sizes, seed),
                        data,
                        epochs=self.epochs,
                        batch_size=self.batch_size,
                        state_dtype=state_dtype,
                        seed=seed,
                        after_epoch=after_epoch,
                    )
