"""Levenberg-Marquardt, as a formula: p minimizes |A p + f| within a radius (Levenberg 1944, Marquardt 1963)."""

from __future__ import annotations

import math

import numpy as np
from numpy.linalg import norm

from onepass.arrays import Array


class LevenbergMarquardt:
    """A p that is too long minimizes |A p + f|^2 + mu |p|^2; mu is found to 10 % of the length (Moré 1978, section 5).

    The radius is MINPACK's: it begins at 100 lengths of the start, or at that of the gradient if it is longer; a poor
    gain makes it the minimizer of a parabola along the step, a good one two steps.

    Where residuals are left, whole steps near a minimum shrink by a rate, that of the curvature of the residuals beside
    A^T A: changes of A p, along the step before, tell it. Once it is small and believed, as the last two differ by less
    than half of it where the steps' own shrinking excuses no more, p is carried on to where A p would vanish, with as
    much of the last step as p has changed by (Anderson 1965, with one step remembered).
    """

    def __init__(self, start: Array) -> None:
        self.start, self.mu, self.radius = start, 0.0, 0.0
        self.before: tuple[Array, Array] | None = None  # the whole step and the one taken, in units of the parameters
        self.rate, self.shrunk = math.nan, math.nan

    def step(self, a: Array, f: Array, scale: Array | float = 1.0) -> Array:
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
        self.whole = None if self.was_damped else p / scale
        if self.whole is not None and self.before is not None:
            p = self.carried_on(p, a, 0.5 * float(f @ f), *(scale * step for step in self.before))
        self.taken = p / scale
        self.slope = -float(f @ a @ p)
        self.promised = self.slope - 0.5 * float(norm(a @ p) ** 2)
        return p

    def carried_on(self, p: Array, a: Array, cost: float, before: Array, moved: Array) -> Array:
        now, last, along = a @ p, a @ before, a @ moved
        change = now - last
        rate = 1 + float(along @ change / (along @ along))
        bend = abs(rate - self.rate) * self.shrunk
        self.rate, self.shrunk = rate, float(norm(now) / norm(last))
        is_near = 0.5 * norm(now) ** 2 <= 1e-4 * cost and self.shrunk < 1
        if not (is_near and abs(rate) <= 0.33 and bend <= 0.5 * abs(rate)):
            return p
        carried: Array = p - now @ change / (change @ change) * (moved + p - before)
        return carried

    def accepted(self, gain: float, length: float) -> None:
        self.rejected(gain, length)
        if self.whole is None or self.before is None:
            self.rate = math.nan
        self.before = None if self.whole is None else (self.whole, self.taken)

    def rejected(self, gain: float, length: float) -> None:
        if gain <= 0.25:
            actual = gain * self.promised
            factor = 0.5 if actual >= 0 else max(0.1, min(0.5, 0.5 * self.slope / (self.slope - actual)))
            self.radius, self.mu = factor * length, self.mu / factor
        elif not self.was_damped or gain >= 0.75:
            self.radius, self.mu = 2 * length, 0.5 * self.mu
