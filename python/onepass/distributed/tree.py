"""How are gradients of many micro-batches added? As one binary tree over their index, whoever holds which of them.

The left subtree has the largest power of two below their number. So a run of 2**j that starts at a multiple of it is a
subtree, whose sum one process can make alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from onepass import _core
from onepass.arrays import Array

#: Arrays that the core adds at once, in registers.
MAX_ADDENDS = 64


def is_subtree(count: int) -> bool:
    """Whether so many that all processes have alike are a subtree of the tree of all."""
    return count & (count - 1) == 0


def tree_sum(arrays: Sequence[Array], to: Array, threads: int) -> Array:
    """The sum of flat arrays of one size, added in the dtype of `to`, where it is written.

    Where all are of that dtype, `to` may be the first or the second of them.
    """
    run = 1
    while len(arrays) > MAX_ADDENDS * run:
        run *= 2
    if run > 1:
        runs = [arrays[at : at + run] for at in range(0, len(arrays), run)]
        arrays = [tree_sum(some, np.empty_like(to), threads) for some in runs]
    _core.sum_tree(arrays, to, threads)
    return to
