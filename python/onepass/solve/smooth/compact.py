"""What does L-BFGS with bounds know of the Hessian? The last steps and gradient changes, and their products."""

from __future__ import annotations

from typing import Any

import numpy as np

from onepass.arrays import Array
from onepass.solve.kernels import dots, lbfgs_bounded_step
from onepass.solve.smooth.inverse_hessian import InverseHessian


class Compact:
    """The last pairs (s, y), from the oldest on; what is made of them is told by `reference.kernels.lbfgs_bounds`."""

    def __init__(self, pairs: int) -> None:
        self._pairs = pairs
        self.clear()

    def clear(self) -> None:
        self._s: list[Array] = []
        self._y: list[Array] = []
        self._products = np.zeros((2, 0, 2, 0))  # of each y, then each s, with each y, then each s
        self.theta = 1.0

    def __len__(self) -> int:
        return len(self._s)

    def push(self, s: Array, y: Array) -> None:
        """Adds a pair, whose s.y must be positive."""
        if len(self) == self._pairs:
            del self._s[0], self._y[0]
            self._products = self._products[:, 1:, :, 1:]
        self._s.append(s)
        self._y.append(y)
        count = len(self)
        products = np.empty((2, count, 2, count))
        products[:, :-1, :, :-1] = self._products
        for kind, vector in enumerate((y, s)):
            found = dots([*self._y, *self._s], vector).reshape(2, count)
            products[:, :, kind, -1] = products[kind, -1] = found
        self._products = products
        self.theta = products[0, -1, 0, -1].item() / products[1, -1, 0, -1].item()

    def inverse(self, size: int, dtype: Any) -> InverseHessian:
        """The matrix's inverse as an operator."""
        pairs = ((s, 1.0, y) for s, y in zip(self._s, self._y, strict=True))
        return InverseHessian(size, dtype, 1 / self.theta, pairs)

    def step(
        self, out: Array, d: Array, x: Array, g: Array, lower: Array, upper: Array
    ) -> tuple[float, float, float] | None:
        """out = where the model with the gradient g at x leads within the bounds, d = out - x.

        Returns:
            d.d, d.g and the longest step along d within the bounds; None if a matrix of the pairs is singular.
        """
        return lbfgs_bounded_step(out, d, x, g, lower, upper, self._y, self._s, self._products, self.theta)
