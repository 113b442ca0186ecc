"""What is state of rows and columns? Averages of the squared gradient over them, each added in an order of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal

import numpy as np

from onepass.arrays import Array
from onepass.reference.kernels.sums import TILE, lane_sums

#: A matrix of more elements has sums over the columns of strips of rows, at most so many.
CUT_FROM, STRIPS = 2**15, 16


class Factored:
    """A gradient as matrices that lie in memory row by row, with the state of their rows and columns.

    Args:
        g: of the parameter's shape, or flat as it lies in memory.
        row_var, col_var: of the parameter's shape, but 1 along the axis that they do not have; where g is flat and a
            row of memory is a column, they are transposed. A vector has no rows, and as many columns as elements.
    """

    def __init__(self, g: Array, row_var: Array | None, col_var: Array) -> None:
        self._shape = g.shape
        self._is_vector = row_var is None
        if row_var is None:
            self._transposed, count, height, width = False, 1, 1, col_var.size
            self._states = [np.ones(1), col_var.reshape(-1)]
        else:
            lies_across = not g.flags.c_contiguous if g.ndim > 1 else row_var.shape[-2] < row_var.shape[-1]
            self._transposed = lies_across and row_var.size > 1
            count = row_var.size // max(row_var.shape[-2] * row_var.shape[-1], 1)
            self._states = [row_var.reshape(-1), col_var.reshape(-1)]
            height, width = (state.size // max(count, 1) for state in self._in_memory())
        self._matrices = g.ravel(order="K").reshape(count, height, width)

    def _in_memory(self) -> list[Array]:
        """What memory has of its rows, and of what lies across them."""
        return self._states[::-1] if self._transposed else self._states

    def renew(self, renewed: Callable[[Array, Array], Array]) -> None:
        """Bring the state up to this gradient.

        Args:
            renewed: takes what there was and the mean of the squares, in double.
        """
        _, height, width = self._matrices.shape
        if not self._matrices.size:
            return
        rows, columns = self._in_memory()
        for state, sums, count in (rows, self._row_sums, width), (columns, self._column_sums, height):
            if not (self._is_vector and state is rows):
                state[...] = renewed(state.astype(np.float64), sums() / count)

    def spread(self, divisor: Callable[[float], float], weight: Callable[[Array], Array]) -> tuple[Array, Array]:
        """The weights of the state, for each element, in the gradient's shape.

        Args:
            divisor: takes the mean of the rows of a matrix, which are divided by the result before they are weighed.
            weight: takes moments, in double.
        """
        count, height, width = self._matrices.shape
        if not self._matrices.size:
            return np.ones(self._shape), np.ones(self._shape)
        dtype = self._matrices.dtype
        row_var, col_var = (state.reshape(count, -1).astype(np.float64) for state in self._states)
        if not self._is_vector:
            means = np.add.accumulate(row_var, axis=1)[:, -1] / row_var.shape[1]
            row_var = row_var / np.array([divisor(mean) for mean in means])[:, np.newaxis]
        row_var, col_var = weight(row_var).astype(dtype), weight(col_var).astype(dtype)
        shape = (count, height, width)
        along, across = (row_var, col_var) if not self._transposed else (col_var, row_var)
        spread = [np.broadcast_to(along[:, :, np.newaxis], shape), np.broadcast_to(across[:, np.newaxis, :], shape)]
        order: Literal["C", "F"] = "F" if self._transposed and len(self._shape) > 1 else "C"
        rows, columns = (one.reshape(-1).reshape(self._shape, order=order) for one in spread)
        return (columns, rows) if self._transposed else (rows, columns)

    def _row_sums(self) -> Array:
        rows = self._matrices.reshape(-1, self._matrices.shape[2])
        parts = [rows[:, start : start + TILE] for start in range(0, rows.shape[1], TILE)]
        sums = np.zeros(len(rows))
        for part in parts:
            sums += lane_sums(part, part)
        return sums

    def _column_sums(self) -> Array:
        return np.concatenate([sum(self._strips(matrix)) for matrix in self._matrices])

    @staticmethod
    def _strips(matrix: Array) -> Iterator[Array]:
        """The sums of each strip, from its first row on."""
        height = len(matrix) if matrix.size <= CUT_FROM else -(-len(matrix) // STRIPS)
        for start in range(0, len(matrix), height):
            yield np.add.accumulate(np.square(matrix[start : start + height], dtype=np.float64), axis=0)[-1]
