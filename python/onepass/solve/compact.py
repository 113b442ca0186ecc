"""What does L-BFGS know of the Hessian? The compact representation of the last pairs of steps and gradient changes.

B = theta I - W M W^T with W = (Y, theta S) and the inverse of M = (-D, L^T; L, theta S^T S), where D is the diagonal of
S^T Y and L what is below it (Byrd, Nocedal and Schnabel 1994, Math. Programming 63, eq. 3.5).
"""

from __future__ import annotations

import numpy as np

from onepass.groups import Array
from onepass.solve.kernels import combine, dots


class Compact:
    """The last pairs (s, y), from the oldest on, and their products."""

    def __init__(self, pairs: int) -> None:
        self._pairs = pairs
        self.clear()

    def clear(self) -> None:
        self._s: list[Array] = []
        self._y: list[Array] = []
        self._ss = self._sy = self._yy = np.zeros((0, 0))
        self.theta = 1.0
        self.inverse_m = np.zeros((0, 0))

    def __len__(self) -> int:
        return len(self._s)

    def push(self, s: Array, y: Array) -> None:
        """Adds a pair, whose s.y must be positive."""
        first = 1 if len(self) == self._pairs else 0
        self._s, self._y = [*self._s[first:], s], [*self._y[first:], y]
        with_s, with_y = dots([*self._s, *self._y], s), dots([*self._s, *self._y], y)
        count = len(self)
        self._ss = bordered(self._ss[first:, first:], with_s[:count], with_s[:count])
        self._sy = bordered(self._sy[first:, first:], with_y[:count], with_s[count:])
        self._yy = bordered(self._yy[first:, first:], with_y[count:], with_y[count:])
        self.theta = float(self._yy[-1, -1] / self._sy[-1, -1])
        below = np.tril(self._sy, -1)
        self.inverse_m = np.block([[-np.diag(np.diag(self._sy)), below.T], [below, self.theta * self._ss]])

    def along(self, x: Array) -> Array:
        """W^T x."""
        return self._scaled(dots([*self._y, *self._s], x))

    def m_times(self, p: Array) -> Array:
        """M p, or M times each of the rows of p."""
        return np.linalg.solve(self.inverse_m, p.T).T if len(self) else p

    def spread(self, out: Array, scale: float, x: Array, p: Array) -> None:
        """out = scale x + W p."""
        combine(out, scale, x, self._scaled(p).tolist(), [*self._y, *self._s])

    def rows(self, chosen: Array) -> Array:
        """The rows of W with these numbers, in double."""
        columns = [vector[chosen] for vector in (*self._y, *self._s)]
        rows = np.array(columns, np.float64).reshape(2 * len(self), len(chosen))
        return self._scaled(rows.T)

    def gram(self, free: Array) -> Array:
        """W^T W of the rows where free is true, by the other rows if those are fewer."""
        others = 2 * np.count_nonzero(free) > free.size
        chosen = np.flatnonzero(free != others)
        vectors = [vector[chosen] for vector in (*self._y, *self._s)]
        found = np.array([dots(vectors, vector) for vector in vectors])
        if others:
            found = np.block([[self._yy, self._sy.T], [self._sy, self._ss]]) - found
        return self._scaled(self._scaled(found).T)

    def _scaled(self, p: Array) -> Array:
        """The second half of the last axis times theta."""
        scaled: Array = p * np.repeat([1.0, self.theta], len(self))
        return scaled


def bordered(matrix: Array, column: Array, row: Array) -> Array:
    """The matrix with one more row and column; they meet in the last number of the row."""
    return np.vstack([np.column_stack([matrix, column[:-1]]), row])
