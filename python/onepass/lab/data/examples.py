"""What is a data set? Labelled examples to train on, and others to test on."""

from __future__ import annotations

from dataclasses import dataclass

from onepass.arrays import Array


@dataclass(frozen=True)
class Examples:
    """One row of `inputs` (float32) and one class in `labels` (int64) per example."""

    inputs: Array
    labels: Array

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, indices: Array) -> Examples:
        return Examples(self.inputs[indices], self.labels[indices])


@dataclass(frozen=True)
class Dataset:
    """Examples to train on, and others to test on."""

    name: str
    train: Examples
    test: Examples
    classes: int

    def __str__(self) -> str:
        return f"{self.name} ({len(self.train)} to train on, {len(self.test)} to test)"

    @property
    def features(self) -> int:
        return int(self.train.inputs.shape[1])
