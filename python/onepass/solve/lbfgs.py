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

from onepass.groups import Array
from onepass.solve.descent import Move, cautious
from onepass.solve.kernels import blend, combine, dots

#: A pair is used if s.y is above this many machine numbers of y.y (Byrd et al. 1995, eq. 3.9).
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
        self._ds: list[Array] = []
        self._ys: list[Array] = []
        self._oldest = 0
        self._room = np.zeros((2, pairs, pairs)), np.zeros(pairs)
        self._with_d = self._with_y = np.zeros(0)  # the last gradient's products with the rows
        self._entered = True
        self._show(0)

    def _show(self, count: int) -> None:
        """The matrices of so many pairs: the inverse of R, all y_i.y_j, and the s.y."""
        matrices, self._s_y = self._room[0][:, :count, :count], self._room[1][:count]
        self._inverse, self._changes = matrices

    def copy(self) -> Memory:
        """Shares the long vectors, which are never written while they are in the memory."""
        other = copy.copy(self)
        other._ds, other._ys = list(self._ds), list(self._ys)
        other._room = self._room[0].copy(), self._room[1].copy()
        other._show(len(other))
        return other

    def __len__(self) -> int:
        return len(self._ds)

    def clear(self) -> None:
        self._ds.clear()
        self._ys.clear()
        self._oldest = 0
        self._room[0][...] = 0
        self._with_d = self._with_y = np.zeros(0)
        self._entered = True
        self._show(0)

    def oldest(self) -> tuple[Array, Array] | None:
        """The pair whose place the next one takes, if there is no more room."""
        return (self._ds[self._oldest], self._ys[self._oldest]) if len(self._ds) == self.pairs else None

    def push(self, step: float, d: Array, y: Array, d_y: float, y_y: float) -> None:
        """Adds a pair.

        Unless `enter` follows, y must be the change from the last gradient that `direction` was given to the next one.
        """
        slot = len(self._ds)
        if slot < self.pairs:
            self._show(slot + 1)
            self._with_d, self._with_y = np.append(self._with_d, 0.0), np.append(self._with_y, 0.0)
            self._ds.append(d)
            self._ys.append(y)
        else:
            slot = self._oldest
            self._oldest = (slot + 1) % self.pairs
            self._ds[slot], self._ys[slot] = d, y
            self._inverse[slot] = 0
        self._s_y[slot] = step * d_y
        self.gamma = step * d_y / y_y
        self._newest, self._entered = (slot, d_y, y_y), False

    def enter(self) -> None:
        """Enters the newest pair in the matrices, by products of its y with the others."""
        count = len(self._ds)
        products = dots(self._ds + self._ys, self._ys[self._newest[0]])
        self._enter(products[:count], products[count:])

    def _enter(self, column: Array, row: Array) -> None:
        """The products of the newest y with every d and every y become a column of R and a row of the changes."""
        slot, d_y, y_y = self._newest
        column[slot] = 0
        column = self._inverse.dot(column)
        column /= -d_y
        column[slot] = 1 / d_y
        self._inverse[:, slot] = column
        row[slot] = y_y
        self._changes[slot] = self._changes[:, slot] = row
        self._entered = True

    def direction(self, g: Array, out: Array) -> None:
        """out = -H g."""
        count, gamma, inverse = len(self._ds), self.gamma, self._inverse
        rows = self._ds + self._ys
        products = dots(rows, g)
        with_d, with_y = products[:count], products[count:]
        if not self._entered:  # what the products have gained is those of the change
            self._enter(with_d - self._with_d, with_y - self._with_y)
        self._with_d, self._with_y = with_d, with_y
        a = inverse.dot(with_d)
        b = self._changes.dot(a)
        b -= with_y
        b *= -gamma
        b -= self._s_y * a
        a *= gamma
        combine(out, -gamma, g, b.dot(inverse).tolist() + a.tolist(), rows)


class LimitedMemory:
    """Directions d = -H g from the last pairs."""

    def __init__(self, pairs: int) -> None:
        self.memory = Memory(pairs)
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
        usable = move.step * d_y > LEAST_CURVATURE * y_y and y_y > 0
        d, spare = move.d, y
        if usable:
            oldest = memory.oldest()
            memory.push(move.step, d, y, d_y, y_y)
            d, spare = oldest or (np.empty_like(g), np.empty_like(g))
        self.steepest = not memory
        if not self.steepest:
            memory.direction(g, d)
            slope = dots((d,), g).item()
            self.steepest = not -math.inf < slope < 0
        if self.steepest:
            memory.clear()
            combine(d, -1.0, g, (), ())
            slope = -dots((g,), g).item()
        return d, slope, spare

    def guess(self, move: Move | None, slope: float) -> float:
        return cautious(slope) if self.steepest else 1.0

    def extras(self) -> dict[str, Any]:
        return {}
