"""Which runs make an experiment? Every entry with every state dtype, on every seed's data from the same start."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from onepass.lab.data.examples import Dataset
from onepass.lab.network import Network
from onepass.lab.settings import all_optimizers
from onepass.lab.train.entries import Entry
from onepass.lab.train.training import EpochLoss, Run, loss_after, train


@dataclass(frozen=True)
class Experiment:
    """All that its results depend on.

    Attributes:
        datasets: what is learnt from, by seed; all of the same size.
        hidden: units per hidden layer.
        entries: what is trained with.
        init: how the weights start, one of `network.INITIALISATIONS`.
        epoch_loss: what is reported as the training loss of an epoch.
    """

    datasets: Mapping[int, Dataset]
    hidden: tuple[int, ...]
    entries: tuple[Entry, ...]
    state_dtypes: tuple[str, ...]
    epochs: int
    batch_size: int
    init: str = "he"
    epoch_loss: EpochLoss = loss_after

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
        return self.epochs * len(self.entries) * len(self.state_dtypes) * len(self.datasets)

    def __str__(self) -> str:
        layers = "-".join(map(str, self.sizes))
        epochs = f"{self.epochs} epoch{'s' * (self.epochs > 1)}"
        state = f"{', '.join(self.state_dtypes)} state"
        seeds = f", means of {len(self.datasets)} seeds" if len(self.datasets) > 1 else ""
        return f"A {layers} network on {self.data}, {epochs}, {state}{seeds}, {self.init.title()} start"

    def notes(self) -> list[str]:
        """What the reader of its results must know."""
        doc = (self.epoch_loss.__doc__ or "").partition(".")[0]
        return [f"train loss: {doc[0].lower()}{doc[1:]}", *filter(None, (entry.note for entry in self.entries))]

    def described(self) -> dict[str, Any]:
        """The same for a program to read."""
        return {
            "data": self.data.name,
            "train_examples": len(self.data.train),
            "test_examples": len(self.data.test),
            "sizes": self.sizes,
            "init": self.init,
            "epochs": self.epochs,
            "batch_size": self.batch_size,
            "train_loss": self.epoch_loss.__name__,
            "entries": [asdict(entry) for entry in self.entries],
            "state_dtypes": self.state_dtypes,
            "seeds": tuple(self.datasets),
        }

    def runs(
        self, before_run: Callable[[str], None] = lambda name: None, after_epoch: Callable[[], None] = lambda: None
    ) -> Iterator[Run]:
        """Train with each in turn.

        Args:
            before_run: is called with the entry's label.
        """
        for seed, data in self.datasets.items():
            for entry in self.entries:
                for state_dtype in self.state_dtypes:
                    before_run(entry.label)
                    yield train(
                        entry.label,
                        all_optimizers()[entry.optimizer],
                        entry.setting,
                        Network(self.sizes, seed, init=self.init),
                        data,
                        epochs=self.epochs,
                        batch_size=self.batch_size,
                        state_dtype=state_dtype,
                        schedule=entry.schedule,
                        seed=seed,
                        epoch_loss=self.epoch_loss,
                        after_epoch=after_epoch,
                    )
