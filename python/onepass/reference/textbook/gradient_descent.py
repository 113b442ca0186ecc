"""Gradient descent, as a formula: d = -g (Cauchy 1847)."""

from __future__ import annotations

from onepass.arrays import Array
from onepass.reference.textbook.descent import Move, Rule, same_change


class GradientDescent(Rule):
    def direction(self, x: Array, g: Array, move: Move | None) -> Array:
        return -g

    def first_trial(self, move: Move | None, slope: float) -> float:
        return same_change(move, slope, growth=100.0)
