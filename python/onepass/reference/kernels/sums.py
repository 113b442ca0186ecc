"""In which order are numbers added? In one that any cutting of the work keeps: products in tiles and lanes, arrays as a
binary tree.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from onepass.arrays import Array
from onepass.formats import in_rows

#: Elements whose products are added by themselves, and in how many sums.
TILE, LANES = 4096, 16


def tile_sums(x: Array, y: Array) -> list[float]:
    """The inner product of each tile of two flat arrays, in double."""
    sums: list[float] = lane_sums(in_rows(x, TILE), in_rows(y, TILE)).tolist()
    return sums


def lane_sums(xs: Array, ys: Array) -> Array:
    """The inner product of each row, in double: element i goes to lane i % LANES; the lanes meet in halves."""
    rows, width = xs.shape
    flat = np.zeros((rows, LANES * (1 + -(-width // LANES))))  # each lane from 0 on
    np.multiply(xs, ys, out=flat[:, LANES : LANES + width], dtype=np.float64)
    sums = flat.reshape(rows, flat.shape[1] // LANES, LANES)
    lanes: Array = np.add.accumulate(sums, axis=1, out=sums)[:, -1]  # one after the other, as a reduction need not
    while lanes.shape[1] > 1:
        half = lanes.shape[1] // 2
        lanes = lanes[:, :half] + lanes[:, half:]
    return lanes[:, 0]


def tree_sum(arrays: Sequence[Array]) -> Array:
    """The sum of one binary tree over the arrays' numbers; on its left the largest power of two that leaves a right."""
    if len(arrays) == 1:
        return arrays[0]
    left = 1 << (len(arrays) - 1).bit_length() - 1
    total: Array = tree_sum(arrays[:left]) + tree_sum(arrays[left:])
    return total
