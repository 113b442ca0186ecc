"""Levenberg-Marquardt, as a formula: p minimizes |A p + f| within a radius (Levenberg 1944, Marquardt 1963)."""

from __future__ import annotations

import numpy as np
from numpy.linalg import norm

from onepass.arrays import Array


class LevenbergMarquardt:
    """A p that is too long minimizes |A p + f|^2 + mu |p|^2; mu is found to 10 % of the length (Moré 1978, section 5).

    The radius is MINPACK's: it begins at 100 lengths of the start, or at that of the gradient if it is longer; a poor
    gain makes it the minimizer of a parabola along the step, a good one two steps.
    """

    def __init__(self, start: Array) -> None:
        self.start, self.mu, self.radius = start, 0.0, 0.0

    def step(self, a: Array, f: Array) -> Array:
        self.radius = self.radius or max(100 * float(norm(self.start)), float(norm(a.T @ f)))
        radius = self.radius
        u, s, vt = np.linalg.svd(a, full_matrices=False)
        c = u.T @ f

        def damped(mu: float) -> Array:
            p: Array = -(s * c / (s * s + mu)) @ vt
            return p

        def next_mu(mu: float, p: Array) -> float:  # Newton's, for 1 / |p|
            length, w = norm(p), (vt @ p) / np.sqrt(s * s + mu)
            return float(mu + (length - radius) / radius * (length / norm(w)) ** 2)

        p, self.was_damped = damped(0.0), False
        if norm(p) > 1.1 * radius:
            self.was_damped = True
            low, high = next_mu(0.0, p), float(norm(a.T @ f)) / radius
            mu = min(max(self.mu, low), high)
            for _ in range(10):
                self.mu, p = mu, damped(mu)
                if abs(norm(p) - radius) <= 0.1 * radius:
                    break
                low, high = (max(low, mu), high) if norm(p) > radius else (low, min(high, mu))
                mu = min(max(next_mu(mu, p), low), high)
        else:
            self.mu = 0.0
        self.slope = -float(f @ a @ p)
        self.promised = self.slope - 0.5 * float(norm(a @ p) ** 2)
        return p

    def learned(self, gain: float, length: float) -> None:
        if gain <= 0.25:
            actual = gain * self.promised
            factor = 0.5 if actual >= 0 else max(0.1, min(0.5, 0.5 * self.slope / (self.slope - actual)))
            self.radius, self.mu = factor * length, self.mu / factor
        elif not self.was_damped or gain >= 0.75:
            self.radius, self.mu = 2 * length, 0.5 * self.mu

    accepted = rejected = learned
