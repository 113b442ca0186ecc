"""Gauss-Newton, as a formula: p minimizes |A p + f| (Gauss 1809), and the step is a share t of it that gains enough."""

from __future__ import annotations

import numpy as np

from onepass.arrays import Array


def shortest_minimizer(a: Array, f: Array) -> Array:
    """-A^+ f; singular values below max(m, n) eps times the largest count as zero."""
    p: Array = np.linalg.lstsq(a, -f, rcond=max(a.shape) * np.finfo(float).eps)[0]
    return p


class GaussNewton:
    """t is 1 first, and where the gain was poor the minimizer of a parabola: a tenth of the last t at least, 1 at most.

    A success of 3/4 of the promise or more is followed by a whole step. The parabola phi(0) + phi'(0) t + c t^2 goes
    through the trial (Dennis and Schnabel 1983, algorithm A6.3.1). In units of -phi'(0) = |A p|^2 the model promises a
    decrease of t - t^2 / 2, and the trial has brought the gain of it.
    """

    def __init__(self) -> None:
        self.t = 1.0

    def step(self, a: Array, f: Array, scale: Array | float = 1.0) -> Array:
        return self.t * shortest_minimizer(a, f)

    def accepted(self, gain: float, length: float) -> None:
        self.t = 1.0 if gain >= 0.75 else min(1.0, self._minimizer(gain))

    def rejected(self, gain: float, length: float) -> None:
        self.t = max(self.t / 10, self._minimizer(gain))

    def _minimizer(self, gain: float) -> float:
        t = self.t
        c = (t - gain * (t - t * t / 2)) / (t * t)
        return 1 / (2 * c)
