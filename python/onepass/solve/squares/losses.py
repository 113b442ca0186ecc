r"""How much does a large residual count? A loss rho of z = (f / f_scale)^2; the cost sums f_scale^2 rho(z) / 2.

Names and formulas are SciPy's: Triggs et al., Bundle Adjustment, a Modern Synthesis (2000), section 4.3 and appendix.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from onepass._core import half_squares
from onepass.arrays import Array

#: rho, its first and its second derivative.
Rho = tuple[Array, Array, Array]


def linear(z: Array) -> Rho:
    """rho = z: least squares."""
    return z, np.ones_like(z), np.zeros_like(z)


def huber(z: Array) -> Rho:
    """rho = z up to 1, then 2 sqrt(z) - 1: squares, then absolute values."""
    root = np.sqrt(np.maximum(z, 1.0))
    inside = z <= 1
    return np.where(inside, z, 2 * root - 1), 1 / root, np.where(inside, 0.0, -0.5 / root**3)


def soft_l1(z: Array) -> Rho:
    """rho = 2 (sqrt(1 + z) - 1): a smooth form of the former."""
    t = 1 + z
    root = np.sqrt(t)
    return 2 * (z / (root + 1)), 1 / root, -0.5 / (t * root)


def cauchy(z: Array) -> Rho:
    """rho = log(1 + z): outliers hardly count, and there may be further minima."""
    first = 1 / (1 + z)
    return np.log1p(z), first, -(first**2)


def arctan(z: Array) -> Rho:
    """rho = arctan z: a residual costs pi / 2 at most."""
    first = 1 / (1 + z**2)
    return np.arctan(z), first, -2 * z * first**2


LossName = Literal["linear", "huber", "soft_l1", "cauchy", "arctan"]
LOSSES: dict[LossName, Callable[[Array], Rho]] = {
    "linear": linear,
    "huber": huber,
    "soft_l1": soft_l1,
    "cauchy": cauchy,
    "arctan": arctan,
}


#: A residual counts with this share of the curvature of a square of its weight at least, even where its loss is
#: concave: with less, outliers would neither hold steps back nor leave the other residuals their digits.
LEAST_CURVATURE = 0.3
#: The smallest normal number.
TINY = float(np.finfo(np.float64).tiny)


class Loss:
    """A loss at a scale; residuals run along the last axis.

    Args:
        loss: one of `LOSSES`, or a function of z that returns rho and its two derivatives.
        scale: f_scale, the size of residuals at which the loss departs from squares.

    Raises:
        ValueError: there is no loss of this name.
    """

    def __init__(self, loss: LossName | Callable[[Array], Any], scale: float) -> None:
        if not callable(loss) and (not isinstance(loss, str) or loss not in LOSSES):
            raise ValueError(f"loss must be one of {', '.join(LOSSES)}, or a function, got {loss!r}")
        self.is_linear = loss == "linear"
        self._rho = loss if callable(loss) else LOSSES[loss]
        self._scale = scale

    def cost(self, f: Array) -> Any:
        """Half the sum of the losses, of each row if there are rows; infinite or NaN where it overflows."""
        if self.is_linear:
            return half_squares(f)
        with np.errstate(over="ignore", invalid="ignore"):
            rho, _, _ = self._at((f / self._scale) ** 2)
            return (0.5 * self._scale**2) * rho.sum(axis=-1)

    def scales(self, f: Array) -> tuple[Array, Array]:
        """rho', and factors of the rows of J: with them, and f times rho' over them, a half of f squared has the cost's
        gradient and about its Hessian.

        The Hessian's part rho' + 2 rho'' z is kept above a share of rho' (the paper, section 4.3).
        """
        z = (f / self._scale) ** 2
        _, first, second = self._at(z)
        of_rows = np.sqrt(np.maximum(np.maximum(first + 2 * second * z, LEAST_CURVATURE * first), TINY))
        return first, of_rows

    def _at(self, z: Array) -> Rho:
        rho = tuple(np.asarray(part, z.dtype) for part in self._rho(z))
        if len(rho) != 3 or any(part.shape != z.shape for part in rho):
            raise ValueError(f"loss must return three arrays of z's shape {z.shape}: rho and its two derivatives")
        return rho
