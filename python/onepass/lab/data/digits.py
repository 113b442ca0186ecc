"""Which data come along? Handwritten digits, scaled and split the same way every time."""

from __future__ import annotations

import numpy as np
from sklearn.datasets import load_digits  # type: ignore[import-untyped]

from onepass.lab.data.examples import Dataset, Examples


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
