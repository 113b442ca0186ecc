"""L-BFGS, as in the paper: the two-loop recursion (Nocedal 1980; Nocedal and Wright 2006, algorithm 7.4)."""

from __future__ import annotations

from collections import deque

from onepass.arrays import Array
from onepass.reference.textbook.descent import Move, Rule


def two_loops(pairs: deque[tuple[Array, Array]], g: Array) -> Array:
    """H g, with the H that BFGS makes of gamma I and the pairs s, y, from the oldest to the newest one."""
    q: Array = g
    alphas = []
    for s, y in reversed(pairs):
        alphas.append(s @ q / (y @ s))
        q = q - alphas[-1] * y
    s, y = pairs[-1]
    r: Array = s @ y / (y @ y) * q
    for (s, y), alpha in zip(pairs, reversed(alphas), strict=True):
        r = r + s * (alpha - y @ r / (y @ s))
    return r


class LimitedMemory(Rule):
    """Beyond the paper: a pair is used if s.y > -eps s.g, with eps = 2^-52."""

    def __init__(self, maxcor: int = 10) -> None:
        self.pairs: deque[tuple[Array, Array]] = deque(maxlen=maxcor)

    def direction(self, x: Array, g: Array, move: Move | None) -> Array | None:
        if move is not None and move.s @ move.y > -(2.0**-52) * (move.s @ move.g):
            self.pairs.append((move.s, move.y))
        return -two_loops(self.pairs, g) if self.pairs else None

    def forget(self) -> None:
        self.pairs.clear()
