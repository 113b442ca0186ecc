"""Nonlinear conjugate gradients, as formulas: d = -G + beta d, with G the new gradient, g the last, y = G - g."""

from __future__ import annotations

import numpy as np
from numpy.linalg import norm

from onepass.arrays import Array
from onepass.reference.textbook.descent import Move, Rule, same_change


def beta(name: str, m: Move) -> float:
    """The papers' formulas, with Powell's restart (1977, eq. 4.3) where Fletcher-Reeves and Dai-Yuan would jam."""
    g, new, y, d = m.g, m.new_g, m.y, m.d
    jams = abs(new @ g) >= 0.2 * (new @ new)
    if name == "fletcher-reeves":  # 1964
        return 0.0 if jams else float(new @ new / (g @ g))
    if name == "polak-ribiere+":  # 1969; the bound: Powell 1984
        return max(0.0, float(new @ y / (g @ g)))
    if name == "hestenes-stiefel":  # 1952
        return float(new @ y / (d @ y))
    if name == "dai-yuan":  # 1999
        return 0.0 if jams else float(new @ new / (d @ y))
    if name == "hager-zhang":  # 2005, eq. 1.3 to 1.6, with eta = 0.01
        own = (y - 2 * d * (y @ y) / (d @ y)) @ new / (d @ y)
        return max(float(own), -1 / (float(norm(d)) * min(0.01, float(norm(g)))))
    raise ValueError(name)


class ConjugateGradient(Rule):
    """Beyond the papers: -G is taken where d descends less than a hundredth as steeply."""

    def __init__(self, beta: str = "polak-ribiere+") -> None:
        self.beta = beta

    def direction(self, x: Array, g: Array, move: Move | None) -> Array:
        if move is None:
            return -g
        with np.errstate(divide="ignore", invalid="ignore"):
            d: Array = beta(self.beta, move) * move.d - g
        return d if d @ g <= -0.01 * (g @ g) else -g

    def first_trial(self, move: Move | None, slope: float) -> float:
        return same_change(move, slope, growth=10.0)
