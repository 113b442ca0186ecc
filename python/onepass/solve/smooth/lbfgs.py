"""Which direction has L-BFGS? The last m steps and gradient changes tell, in a pass of products and one of a sum.

The inverse Hessian is gamma I and a matrix of the 2 m vectors (Byrd, Nocedal and Schnabel 1994, Math. Programming 63,
eq. 2.6). What its middle needs of inner products is known from the gradient's products with the vectors, of which there
are new ones in each iteration anyway. A step s is kept as its direction d and the length a of the step along it,
s = a d.
"""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np

from onepass.arrays import Array
from onepass.solve.kernels import blend, combine, dots, lbfgs_direction
from onepass.solve.smooth.descent import Move, cautious
from onepass.solve.smooth.inverse_hessian import InverseHessian

#: A pair is used if s.y is above this share of -s.g: the slope along the step has changed beyond its rounding.
LEAST_CURVATURE = 2.0**-52


class Memory:
    """The last pairs (d, y) and the middle of the matrix.

    The pairs lie in slots, a new one in the place of the oldest, and the small matrices are in the order of the slots.
    R is the triangle of d_i.y_j, i not younger than j. Its inverse is kept: a new pair is a new column, and the oldest
    pair's row and column go without a trace in the others, as the inverse is a triangle in the order of age.
    """

    def __init__(self, pairs: int) -> None:
        self.pairs = pairs
        self.gamma = 1.0
        self.ds: list[Array] = []
        self.ys: list[Array] = []
        self.oldest_slot = 0
        self._newest = -1  # the slot of a pair that is not in the matrices yet, or -1
        self.middle = np.zeros(self.shape(pairs))

    @staticmethod
    def shape(pairs: int) -> tuple[int, int]:
        """Of the middle, whose rows `onepass.reference.kernels.lbfgs` tells."""
        return 2 * pairs + 3, pairs

    def copy(self) -> Memory:
        """Shares the long vectors, which are never written while they are in the memory."""
        other = copy.copy(self)
        other.ds, other.ys, other.middle = list(self.ds), list(self.ys), self.middle.copy()
        return other

    def __len__(self) -> int:
        return len(self.ds)

    def clear(self) -> None:
        self.ds.clear()
        self.ys.clear()
        self.gamma = 1.0
        self.oldest_slot, self._newest = 0, -1
        self.middle[...] = 0

    def oldest(self) -> tuple[Array, Array] | None:
        """The pair whose place the next one takes, if there is no more room."""
        return (self.ds[self.oldest_slot], self.ys[self.oldest_slot]) if len(self.ds) == self.pairs else None

    def push(self, step: float, d: Array, y: Array, d_y: float, y_y: float) -> None:
        """Adds a pair. y must be the change from the last gradient that `direction` was given to the next one."""
        slot, middle = len(self.ds), self.middle
        if slot < self.pairs:
            self.ds.append(d)
            self.ys.append(y)
        else:
            slot = self.oldest_slot
            self.oldest_slot = (slot + 1) % self.pairs
            self.ds[slot], self.ys[slot] = d, y
        middle[slot] = 0
        middle[slot, slot] = 1 / d_y
        middle[self.pairs + slot, slot] = y_y
        middle[-3, slot] = step * d_y
        self.gamma = step * d_y / y_y
        self._newest = slot

    def inverse(self, size: int, dtype: Any) -> InverseHessian:
        """The matrix H as an operator, which keeps the long vectors."""
        count, middle = len(self), self.middle
        slots = ((self.oldest_slot + age) % count for age in range(count))
        pairs = ((self.ds[i], float(middle[-3, i] * middle[i, i]), self.ys[i]) for i in slots)
        return InverseHessian(size, dtype, self.gamma, pairs)

    def direction(self, g: Array, out: Array) -> float:
        """out = -H g; returns its slope."""
        slope = lbfgs_direction(out, g, self.ds, self.ys, self.middle, self.gamma, self._newest)
        self._newest = -1
        return slope


class LimitedMemory:
    """Directions d = -H g from the last pairs."""

    def __init__(self, pairs: int, size: int, dtype: Any) -> None:
        self.memory = Memory(pairs)
        self._size, self._dtype = size, dtype
        self.steepest = True

    def start(self, x: Array, g: Array, squared: float) -> tuple[Array, float]:
        self.forget(squared)
        return -g, -squared

    def forget(self, squared: float) -> None:
        self.memory.clear()
        self.steepest = True

    def next(self, move: Move) -> tuple[Array, float, Array]:
        g, y, memory = move.new_g, move.old_g, self.memory
        y_y = blend(y, -1.0, 1.0, g, y)
        d_y = move.slope_after - move.slope_before
        usable = d_y > -LEAST_CURVATURE * move.slope_before and 0 < y_y < math.inf
        d, spare = move.d, y
        if usable:
            oldest = memory.oldest()
            memory.push(move.step, d, y, d_y, y_y)
            d, spare = oldest or (np.empty_like(g), np.empty_like(g))
        self.steepest = not memory
        if not self.steepest:
            slope = memory.direction(g, d)
            self.steepest = not -math.inf < slope < 0
        if self.steepest:
            memory.clear()
            combine(d, -1.0, g, (), ())
            slope = -dots((g,), g).item()
        return d, slope, spare

    def guess(self, move: Move | None, slope: float) -> float:
        return cautious(slope) if self.steepest else 1.0

    def extras(self) -> dict[str, Any]:
        """hess_inv, from the steps before the last one."""
        return {"hess_inv": self.memory.inverse(self._size, self._dtype)}
