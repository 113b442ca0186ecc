"""What does a sparse gradient say of each row? The rows once each, in ascending order, with the sum of their values."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onepass.arrays import Array
from onepass.formats import decode
from onepass.sparse import SparseRows


@dataclass(frozen=True)
class Rows:
    """Row numbers, and one flat row of values for each."""

    numbers: NDArray[np.int64]
    values: Array

    @property
    def elements(self) -> NDArray[np.int64]:
        """The position of every value in the parameter."""
        width = self.values.shape[1]
        elements: NDArray[np.int64] = self.numbers[:, np.newaxis] * width + np.arange(width)
        return elements.reshape(-1)


def combined(gradient: SparseRows, dtype: np.dtype[Any]) -> Rows:
    """Values of one row are added in the order in which they stand."""
    width = math.prod(gradient.values.shape[1:])
    values = decode(gradient.values, dtype).reshape(gradient.indices.size, width)
    numbers, first, place = np.unique(gradient.indices, return_index=True, return_inverse=True)
    sums = values[first]
    for index, row in enumerate(values):
        if index != first[place[index]]:
            sums[place[index]] += row
    return Rows(numbers.astype(np.int64), sums)
