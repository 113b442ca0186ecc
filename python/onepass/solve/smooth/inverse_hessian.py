"""What has L-BFGS learned? Its inverse Hessian, which multiplies with vectors."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from onepass.arrays import Array


class InverseHessian:
    """H from pairs of steps and changes of the gradient, as an operator: ``H @ v``, ``H.dot(v)``, ``H.todense()``.

    Args:
        size: n.
        gamma: H without pairs is gamma I.
        pairs: from the oldest on: a direction d, the length of the step along it, and the change y.

    Attributes:
        shape, dtype: as of an array.

    Reference:
        Nocedal and Wright 2006, algorithm 7.4.
    """

    def __init__(self, size: int, dtype: Any, gamma: float, pairs: Iterable[tuple[Array, float, Array]]) -> None:
        self.shape, self.dtype, self._gamma = (size, size), np.dtype(dtype), gamma
        self._pairs = [(d, step, y, float(d @ y)) for d, step, y in pairs]

    def dot(self, v: Any) -> Array:
        """H v, of a vector, or of the columns of a matrix."""
        q = np.array(v, self.dtype)
        if q.ndim not in (1, 2) or len(q) != self.shape[0]:
            raise ValueError(f"an operator of the shape {self.shape} does not multiply with one of {q.shape}")
        shares = []
        for d, _, y, d_y in reversed(self._pairs):
            shares.append((d @ q) / d_y)
            q -= np.multiply.outer(y, shares[-1])
        q *= self._gamma
        for d, step, y, d_y in self._pairs:
            q += np.multiply.outer(d, step * shares.pop() - (y @ q) / d_y)
        return q

    matvec = matmat = __matmul__ = __call__ = dot

    def todense(self) -> Array:
        """As an array."""
        return self.dot(np.eye(self.shape[0]))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of the shape {self.shape} from {len(self._pairs)} pairs>"
