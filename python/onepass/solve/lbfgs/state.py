"""What goes from step to step of LBFGS? The pairs, the last direction and the gradient before it, and two counts."""

from __future__ import annotations

import copy

import numpy as np

from onepass.arrays import Array
from onepass.solve.kernels import blend, dots
from onepass.solve.smooth.lbfgs import Memory

#: Pairs of smaller s.y are not kept, as in torch.
LEAST_CURVATURE = 1e-10


class State:
    """The memory, the last direction d, the length of the step along it, and the gradient g before it.

    Attributes:
        n_iter, func_evals: iterations and calls of the closure so far.
    """

    def __init__(self, memory: Memory) -> None:
        self.memory = memory
        self.d: Array | None = None
        self.g: Array | None = None
        self.step = 0.0
        self.n_iter = self.func_evals = 0

    def copy(self) -> State:
        """Shares the long vectors."""
        other = copy.copy(self)
        other.memory = self.memory.copy()
        return other

    def direction(self, g: Array) -> tuple[Array, float]:
        """The next direction, which is kept with g, and its slope."""
        if self.d is not None and self.g is not None:
            y = g.copy()
            y_y = blend(y, 1.0, -1.0, self.g, y)
            d_y = dots((self.d,), y).item()
            if self.step * d_y > LEAST_CURVATURE:
                self.memory.push(self.step, self.d, y, d_y, y_y)
        d = np.empty_like(g)
        slope = self.memory.direction(g, d)
        self.d, self.g, self.step = d, g, 0.0
        return d, slope
