"""What does L-BFGS with bounds know of the Hessian? The last steps and gradient changes, and their products."""

from __future__ import annotations

from typing import Any

import numpy as np

from onepass.arrays import Array
from onepass.solve.kernels import lbfgs_bounded_step, lbfgs_enter_pair
from onepass.solve.smooth.inverse_hessian import InverseHessian


class Compact:
    """The last pairs (s, y), from the oldest on; what is made of them is told by `reference.kernels.lbfgs_bounds`."""

    def __init__(self, pairs: int) -> None:
        self._products = np.zeros((2 * pairs, 2 * pairs))  # of each y, then each s, with each y, then each s
        self._spare: tuple[Array, Array] | None = None
        self.clear()

    def clear(self) -> None:
        self._s: list[Array] = []
        self._y: list[Array] = []
        self.theta = 1.0

    def __len__(self) -> int:
        return len(self._s)

    def push(self, x: Array, start: Array, g: Array, start_g: Array, least: float) -> None:
        """Adds the pair of the step that led from start to x, unless s.y is at most so much."""
        s, y = self._spare or (np.empty_like(x), np.empty_like(x))
        self._spare = s, y
        theta = lbfgs_enter_pair(s, y, x, start, g, start_g, self._y, self._s, self._products, least)
        if theta is None:
            return
        self.theta, self._spare = theta, None
        if 2 * len(self) == len(self._products):
            self._spare = self._s.pop(0), self._y.pop(0)
        self._s.append(s)
        self._y.append(y)

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
