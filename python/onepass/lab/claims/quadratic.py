"""Which quadratics do experiments go down? Half the sum of curvature times square, along the axes or turned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from onepass.arrays import Array


@dataclass(frozen=True)
class Quadratic:
    r"""``f(x) = x @ hessian @ x / 2``, whose minimum is 0 at the origin."""

    hessian: Array

    @classmethod
    def along_axes(cls, curvatures: Any) -> Quadratic:
        return cls(np.diag(np.asarray(curvatures, float)))

    @classmethod
    def turned(cls, curvatures: Any, rng: np.random.Generator) -> Quadratic:
        """The same shape along random orthogonal directions."""
        size = len(curvatures)
        directions, _ = np.linalg.qr(rng.standard_normal((size, size)))
        return cls((directions * curvatures) @ directions.T)

    def gradient(self, points: Array, step: int) -> Array:
        return points @ self.hessian

    def values(self, points: Array) -> Array:
        """Of points (..., size)."""
        with np.errstate(over="ignore", invalid="ignore"):
            return np.asarray(np.einsum("...i,ij,...j->...", points, self.hessian, points) / 2)
