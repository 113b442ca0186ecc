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

    Beyond the textbook: a step with s.y <= 0, which ends no search that meets the Wolfe conditions, leaves H as it is.
    """

    def __init__(self, update: str) -> None:
        self.update = {"bfgs": bfgs, "dfp": dfp}[update]
        self.h: Array | None = None

    def direction(self, x: Array, g: Array, move: Move | None) -> Array | None:
        if move is None:
            return None
        s, y = move.s, move.y
        if s @ y > 0:
            self.h = self.update(s @ y / (y @ y) * np.eye(s.size) if self.h is None else self.h, s, y)
        elif self.h is None:
            self.h = np.eye(s.size)
        return -self.h @ g

    def forget(self) -> None:
        self.h = None
