"""Which direction has gradient descent? The steepest one; all the rest is the line search."""

from __future__ import annotations

from typing import Any

from onepass.arrays import Array
from onepass.solve.kernels import combine, dots
from onepass.solve.smooth.descent import Move, as_last, cautious

#: The longest first trial, in multiples of the last step: here, long ones among short ones help.
MOST_GROWTH = 100.0


class GradientDescent:
    """Directions d = -g."""

    steepest = True

    def start(self, x: Array, g: Array, squared: float) -> tuple[Array, float]:
        return -g, -squared

    def forget(self, squared: float) -> None:
        """There is nothing to forget."""

    def next(self, move: Move) -> tuple[Array, float, Array]:
        combine(move.d, -1.0, move.new_g, (), ())
        return move.d, -dots((move.new_g,), move.new_g).item(), move.old_g

    def guess(self, move: Move | None, slope: float) -> float:
        return as_last(move, slope, MOST_GROWTH) if move else cautious(slope)

    def extras(self) -> dict[str, Any]:
        return {}
