"""Gauss-Newton, as a formula: p minimizes |A p + f| (Gauss 1809), and is halved until the sum of squares decreases."""

from __future__ import annotations

import numpy as np

from onepass.groups import Array


def shortest_minimizer(a: Array, f: Array) -> Array:
    """-A^+ f; singular values below max(m, n) eps times the largest count as zero."""
    p: Array = np.linalg.lstsq(a, -f, rcond=max(a.shape) * np.finfo(float).eps)[0]
    return p


class GaussNewton:
    def __init__(self) -> None:
        self.share = 1.0

    def step(self, a: Array, f: Array) -> Array:
        return self.share * shortest_minimizer(a, f)

    def accepted(self, gain: float, length: float) -> None:
        self.share = 1.0

    def rejected(self, gain: float, length: float) -> None:
        self.share /= 2
