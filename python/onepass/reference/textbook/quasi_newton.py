"""BFGS and DFP, as formulas: d = -H g, with an H that has learned H y = s from every step s and its change y of g."""

from __future__ import annotations

import numpy as np

from onepass.arrays import Array
from onepass.reference.textbook.descent import Move, Rule


def bfgs(h: Array, s: Array, y: Array) -> Array:
    """(I - rho s y^T) H (I - rho y s^T) + rho s s^T, with rho = 1 / y.s (Nocedal and Wright 2006, eq. 6.17)."""
    rho = 1 / (y @ s)
    v = np.eye(s.size) - rho * np.outer(y, s)
    updated: Array = v.T @ h @ v + rho * np.outer(s, s)
    return updated


def dfp(h: Array, s: Array, y: Array) -> Array:
    """H - H y y^T H / y.H y + s s^T / y.s (Nocedal and Wright 2006, eq. 6.15)."""
    q = h @ y
    updated: Array = h - np.outer(q, q) / (y @ q) + np.outer(s, s) / (y @ s)
    return updated


class QuasiNewton(Rule):
    """H begins as (s.y / y.y) I of the first step (Nocedal and Wright 2006, eq. 6.20).

    Beyond the textbook: for BFGS of less than 100 variables it begins as I if that is larger, and the first trial is 1
    or, if shorter, about the one whose first-order change is twice the last decrease (p. 60). A step with s.y <= 0,
    which ends no search that meets the Wolfe conditions, leaves H as it is.
    """

    def __init__(self, update: str) -> None:
        self.update = {"bfgs": bfgs, "dfp": dfp}[update]
        self.least = 1.0 if update == "bfgs" else 0.0
        self.h: Array | None = None

    def direction(self, x: Array, g: Array, move: Move | None) -> Array | None:
        if move is None:
            return None
        s, y = move.s, move.y
        if s.size >= 100:
            self.least = 0.0
        if s @ y > 0:
            scale = max(self.least, float(s @ y / (y @ y)))
            self.h = self.update(scale * np.eye(s.size) if self.h is None else self.h, s, y)
        elif self.h is None:
            self.h = np.eye(s.size)
        return -self.h @ g

    def first_trial(self, move: Move | None, slope: float) -> float:
        return min(1.0, 1.01 * 2 * move.decrease / -slope) if move and self.least and move.decrease > 0 else 1.0

    def forget(self) -> None:
        self.h = None
