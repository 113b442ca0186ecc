"""In which order are products added? In tiles and lanes, so that any cutting of the work yields the same bits."""

from __future__ import annotations

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
    products = xs.astype(np.float64) * ys.astype(np.float64)
    lanes = np.zeros((len(products), LANES))
    for start in range(0, products.shape[1], LANES):
        part = products[:, start : start + LANES]
        lanes[:, : part.shape[1]] += part
    while lanes.shape[1] > 1:
        half = lanes.shape[1] // 2
        lanes = lanes[:, :half] + lanes[:, half:]
    return lanes[:, 0]
