"""Which steps does Levenberg-Marquardt try where they are dear? One damping per trial, by how the last one went."""

from __future__ import annotations

from typing import Any

from onepass.arrays import Array
from onepass.solve.squares.linear_model import EPS, norm

#: The first damping, and the smallest, as a share of the largest curvature.
FIRST, LEAST = 1e-3, EPS
#: A step that gains what the model promised divides the damping by the inverse of this.
BEST = 0.1


class DampedSteps:
    """Steps that minimize |A p + f|^2 + damping |p|^2.

    The damping is a share of A's largest curvature, times the gradient beside the first one: towards a minimum it
    vanishes, and the method becomes Gauss-Newton's, also where A is singular (Fan and Yuan 2005, Computing 74). The
    share follows the gains (Nielsen 1999, IMM-REP-1999-05), and falls faster than his.
    """

    def __init__(self) -> None:
        self._share, self._growth = FIRST, 2.0
        self._first = 0.0

    def propose(self, model: Any) -> Array:
        size = norm(model.gradient)
        self._first = max(self._first, size)
        p: Array = model.damped(self._share * model.curvature * (size / self._first if size else 1.0))
        return p

    def accepted(self, gain: float, length: float) -> None:
        self._share = max(self._share * max(BEST, 1 - (2 * min(gain, 1.0) - 1) ** 3), LEAST)
        self._growth = 2.0

    def rejected(self, gain: float, length: float) -> None:
        self._share *= self._growth
        self._growth *= 2
