"""Levenberg-Marquardt, as a formula: p minimizes |A p + f|^2 + mu |p|^2 (Levenberg 1944, Marquardt 1963)."""

from __future__ import annotations

import math

import numpy as np

from onepass.arrays import Array


class LevenbergMarquardt:
    """mu begins at 1e-3 of the largest diagonal element of A^T A and follows the gain as in Nielsen 1999, eq. 2.4.

    Beyond the papers: a gain of 1 divides mu by 10, where Nielsen divides it by 3, and a mu that grows is at least
    1e-16 of that element.
    """

    def __init__(self) -> None:
        self.mu = math.nan
        self.growth = 2.0

    def step(self, a: Array, f: Array) -> Array:
        curvature = float((a * a).sum(axis=0).max())
        self.least = 1e-16 * curvature
        if math.isnan(self.mu):
            self.mu = 1e-3 * curvature
        n = a.shape[1]
        stacked = np.vstack((a, math.sqrt(self.mu) * np.eye(n)))
        p: Array = np.linalg.lstsq(stacked, np.concatenate((-f, np.zeros(n))), rcond=0)[0]
        return p

    def accepted(self, gain: float, length: float) -> None:
        self.mu *= max(0.1, 1 - (2 * min(gain, 1.0) - 1) ** 3)
        self.growth = 2.0

    def rejected(self, gain: float, length: float) -> None:
        self.mu = max(self.mu, self.least) * self.growth
        self.growth *= 2
