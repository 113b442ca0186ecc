"""What do the experiments learn from? Labelled examples, scaled and split the same way every time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.datasets import load_digits  # type: ignore[import-untyped]

from onepass.groups import Array


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


def digits(seed: int = 0, test_share: float = 0.25) -> Dataset:
    """The 1797 handwritten digits that come with scikit-learn: 8 x 8 pixels in [0, 1], 10 classes.

    Args:
        seed: decides which examples are in the test set.
        test_share: the part of all examples that is in the test set, in (0, 1).
    """
    bunch = load_digits()
    pixels = (bunch.data / 16).astype(np.float32)
    examples = Examples(pixels, bunch.target.astype(np.int64))
    order = np.random.default_rng(seed).permutation(len(examples))
    test_size = round(test_share * len(examples))
    return Dataset("digits", examples.take(order[test_size:]), examples.take(order[:test_size]), classes=10)
