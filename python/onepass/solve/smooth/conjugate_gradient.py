"""Which conjugate directions? The last one times beta (Fletcher-Reeves, Polak-Ribière, others) less the gradient."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from onepass.arrays import Array
from onepass.solve.kernels import blend, combine, dots
from onepass.solve.smooth.descent import Move, as_last, cautious

#: A direction whose slope is less than this share of the steepest one's is given up for the steepest one.
LEAST_DESCENT = 0.01
#: The longest first trial, in multiples of the last step.
MOST_GROWTH = 10.0
#: Powell's bound of G.g / G.G.
POWELL = 0.2
#: The eta of Hager and Zhang's lower bound of beta.
HAGER_ZHANG_ETA = 0.01


@dataclass(frozen=True, slots=True)
class Products:
    """Inner products of the last and the new gradient g and G, of y = G - g and of the direction d."""

    old_old: float  # g.g
    new_old: float  # G.g
    new_new: float  # G.G
    slope_before: float  # d.g
    slope_after: float  # d.G

    @property
    def jams(self) -> bool:
        """Gradients are far from orthogonal (Powell 1977, Math. Programming 12): short steps would follow."""
        return abs(self.new_old) >= POWELL * self.new_new

    @property
    def y_new(self) -> float:
        return self.new_new - self.new_old

    @property
    def y_d(self) -> float:
        return self.slope_after - self.slope_before


def fletcher_reeves(p: Products, d: Array) -> float:
    """G.G / g.g (Fletcher and Reeves 1964), or 0 where it would jam."""
    return 0.0 if p.jams else p.new_new / p.old_old


def polak_ribiere(p: Products, d: Array) -> float:
    """max(0, G.y / g.g) (Polak and Ribière 1969; Powell 1984 for the bound)."""
    return max(0.0, p.y_new / p.old_old)


def hestenes_stiefel(p: Products, d: Array) -> float:
    """G.y / d.y (Hestenes and Stiefel 1952)."""
    return p.y_new / p.y_d


def dai_yuan(p: Products, d: Array) -> float:
    """G.G / d.y (Dai and Yuan 1999), or 0 where it would jam."""
    return 0.0 if p.jams else p.new_new / p.y_d


def hager_zhang(p: Products, d: Array) -> float:
    """(y - 2 d y.y / d.y).G / d.y, not below -1 / (|d| min(eta, |g|)) (Hager and Zhang 2005, eq. 1.3 to 1.6)."""
    y_y = p.new_new - 2 * p.new_old + p.old_old
    beta = (p.y_new - 2 * p.slope_after * y_y / p.y_d) / p.y_d
    if beta >= 0:
        return beta
    length = math.sqrt(dots((d,), d).item())
    return max(beta, -1 / (length * min(HAGER_ZHANG_ETA, math.sqrt(p.old_old))))


Beta = Literal["fletcher-reeves", "polak-ribiere+", "hestenes-stiefel", "dai-yuan", "hager-zhang"]
BETAS: dict[Beta, Callable[[Products, Array], float]] = {
    "fletcher-reeves": fletcher_reeves,
    "polak-ribiere+": polak_ribiere,
    "hestenes-stiefel": hestenes_stiefel,
    "dai-yuan": dai_yuan,
    "hager-zhang": hager_zhang,
}


class ConjugateGradient:
    """Directions d = beta d - g, the steepest one again whenever d hardly descends."""

    def __init__(self, beta: Beta) -> None:
        self._beta = BETAS[beta]
        self._squared = 0.0
        self.steepest = True

    def start(self, x: Array, g: Array, squared: float) -> tuple[Array, float]:
        self.forget(squared)
        return -g, -squared

    def forget(self, squared: float) -> None:
        self._squared, self.steepest = squared, True

    def next(self, move: Move) -> tuple[Array, float, Array]:
        d, g = move.d, move.new_g
        new_old, new_new = dots((move.old_g, g), g).tolist()
        products = Products(self._squared, new_old, new_new, move.slope_before, move.slope_after)
        self._squared = new_new
        beta = self._beta(products, d) if products.y_d and products.old_old else 0.0
        slope = blend(d, beta, -1.0, g, g) if math.isfinite(beta) else math.inf
        self.steepest = not slope <= -LEAST_DESCENT * new_new
        if self.steepest:
            combine(d, -1.0, g, (), ())
            slope = -new_new
        return d, slope, move.old_g

    def guess(self, move: Move | None, slope: float) -> float:
        return as_last(move, slope, MOST_GROWTH) if move else cautious(slope)

    def extras(self) -> dict[str, Any]:
        return {}
