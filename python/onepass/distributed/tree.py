"""How are gradients of many micro-batches added? As one binary tree over their index, whoever holds which of them.

The left subtree has the largest power of two below their number. So a run of 2**j that starts at a multiple of it is a
subtree, whose sum one process can make alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from onepass.arrays import Array

#: Elements that are added at a time, in the cache.
PIECE = 2**14


def tree_sum(arrays: Sequence[Array], dtype: np.dtype[Any]) -> Array:
    """The sum of flat arrays of one size, added in that type; one alone is as it was given."""
    if len(arrays) == 1:
        return arrays[0]
    total = np.empty(arrays[0].size, dtype)
    with np.errstate(all="ignore"):
        for start in range(0, total.size, PIECE):
            total[start : start + PIECE] = _sum([array[start : start + PIECE] for array in arrays], dtype)
    return total


def _sum(arrays: Sequence[Array], dtype: np.dtype[Any]) -> Array:
    if len(arrays) == 1:
        return arrays[0].astype(dtype, copy=False)
    left = 1 << (len(arrays) - 1).bit_length() - 1
    total: Array = _sum(arrays[:left], dtype) + _sum(arrays[left:], dtype)
    return total
