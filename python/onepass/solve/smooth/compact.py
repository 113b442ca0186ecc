"""What does L-BFGS know of the Hessian? The compact representation of the last pairs of steps and gradient changes.

B = theta I - W M W^T with W = (Y, theta S) and the inverse of M = (-D, L^T; L, theta S^T S), where D is the diagonal of
S^T Y and L what is below it (Byrd, Nocedal and Schnabel 1994, Math. Programming 63, eq. 3.5).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from onepass.arrays import Array
from onepass.solve.kernels import combine, dots
from onepass.solve.smooth.inverse_hessian import InverseHessian


class Compact:
    """The last pairs (s, y), from the oldest on, and their products."""

    def __init__(self, pairs: int) -> None:
        self._pairs = pairs
        self._products = np.zeros((2, pairs, 2, pairs))  # of each y, then each s, with each y, then each s
        self._below = np.tri(pairs, k=-1)
        self.clear()

    def clear(self) -> None:
        self._s: list[Array] = []
        self._y: list[Array] = []
        self._show(1.0)

    def __len__(self) -> int:
        return len(self._s)

    def push(self, s: Array, y: Array) -> None:
        """Adds a pair, whose s.y must be positive."""
        products = self._products
        if len(self) == self._pairs:
            products[:, :-1, :, :-1] = products[:, 1:, :, 1:].copy()
            del self._s[0], self._y[0]
        self._s.append(s)
        self._y.append(y)
        count = len(self)
        for kind, vector in enumerate((y, s)):
            found = dots([*self._y, *self._s], vector).reshape(2, count)
            products[:, :count, kind, count - 1] = products[kind, count - 1, :, :count] = found
        self._show(products[0, count - 1, 0, count - 1].item() / products[1, count - 1, 0, count - 1].item())

    def inverse(self, size: int, dtype: Any) -> InverseHessian:
        """The matrix's inverse as an operator."""
        pairs = ((s, 1.0, y) for s, y in zip(self._s, self._y, strict=True))
        return InverseHessian(size, dtype, 1 / self.theta, pairs)

    def _show(self, theta: float) -> None:
        """The matrices of the pairs that there are now."""
        count = len(self)
        products = self._products[:, :count, :, :count]
        self.theta = theta
        self._rows = [*self._y, *self._s]
        self._scale = np.full(2 * count, 1.0)
        self._scale[count:] = theta
        self._all = products.reshape(2 * count, 2 * count)
        inverse = np.zeros((2, count, 2, count))
        s_y = products[1, :, 0]
        inverse[1, :, 0] = s_y * self._below[:count, :count]
        inverse[0, :, 1] = inverse[1, :, 0].T
        inverse[1, :, 1] = theta * products[1, :, 1]
        self.inverse_m = inverse.reshape(2 * count, 2 * count)
        for i in range(count):
            self.inverse_m[i, i] = -s_y[i, i]

    def along(self, x: Array) -> Array:
        """W^T x."""
        products: Array = dots(self._rows, x) * self._scale
        return products

    def m_times(self, p: Array) -> Array:
        """M p, or M times each of the rows of p."""
        return np.linalg.solve(self.inverse_m, p.T).T if len(self) else p

    def spread(self, out: Array, scale: float, x: Array, p: Array) -> None:
        """out = scale x + W p."""
        combine(out, scale, x, (p * self._scale).tolist(), self._rows)

    def rows(self, chosen: Array) -> Array:
        """The rows of W with these numbers, in double."""
        rows = np.empty((len(chosen), len(self._rows)))
        for column, vector in zip(rows.T, self._rows, strict=True):
            column[...] = vector[chosen]
        rows *= self._scale
        return rows

    def gram(self, free: Array) -> Array:
        """W^T W of the rows where free is true, by the other rows if those are fewer."""
        others = 2 * np.count_nonzero(free) > free.size
        chosen = np.flatnonzero(free != others)
        found = np.zeros_like(self._all)
        if chosen.size:
            vectors = [vector[chosen] for vector in self._rows]
            for row, vector in zip(found, vectors, strict=True):
                row[...] = dots(vectors, vector)
        if others:
            found = self._all - found
        gram: Array = self._scale * found * self._scale[:, None]
        return gram
