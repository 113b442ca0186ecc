"""What do the methods with a line search share? A direction, a step along it, and the steepest direction in need."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from onepass.arrays import Array
from onepass.reference.textbook.line_search import line_search

ValueAndGradient = Callable[[Array], tuple[float, Array]]


@dataclass(frozen=True)
class Move:
    """The last step a d, the gradients g and G at its ends, and by how much the value has decreased."""

    a: float
    d: Array
    g: Array
    new_g: Array
    decrease: float

    @property
    def s(self) -> Array:
        return self.a * self.d

    @property
    def y(self) -> Array:
        return self.new_g - self.g


class Rule:
    """A method of descent."""

    def direction(self, x: Array, g: Array, move: Move | None) -> Array | None:
        """From x, where the gradient is g, after this move, if any; None where no better one than -g is known."""
        raise NotImplementedError

    def forget(self) -> None:
        """The direction is -g now: what was learned led nowhere, or nothing has been learned yet."""

    def first_trial(self, move: Move | None, slope: float) -> float:
        """The step along a direction of this slope that the line search tries first: Newton's."""
        return 1.0


def cautious(slope: float) -> float:
    """The first trial along -g, where the slope is -|g|^2: of unit length."""
    return 1 / math.sqrt(-slope)


def same_change(move: Move | None, slope: float, growth: float) -> float:
    """The step whose first-order change is that of the last one (Nocedal and Wright 2006, p. 59).

    Beyond the textbook: it is `growth` times as long at most.
    """
    return move.a * min(growth, float(move.d @ move.g) / slope) if move else cautious(slope)


def descend(fun: ValueAndGradient, x: Array, rule: Rule, c1: float, c2: float) -> Iterator[Array]:
    """x + a d, where a meets the strong Wolfe conditions (Nocedal and Wright 2006, section 3.1).

    Beyond the textbook: a direction that does not descend, and one along which no step does, is replaced by -g, and the
    rule forgets.
    """
    value, g = fun(x)
    move: Move | None = None
    yield x
    while True:
        d = rule.direction(x, g, move)
        a = None
        if d is not None and -math.inf < (slope := float(d @ g)) < 0:
            a = step(fun, x, value, d, slope, rule.first_trial(move, slope), c1, c2)
        if d is None or a is None:
            rule.forget()
            d, slope = -g, -float(g @ g)
            a = step(fun, x, value, d, slope, cautious(slope), c1, c2) if slope else None
        if a is None:
            return
        x = x + a * d
        before = value
        value, new_g = fun(x)
        move, g = Move(a, d, g, new_g, before - value), new_g
        yield x


def step(
    fun: ValueAndGradient, x: Array, value: float, d: Array, slope: float, first: float, c1: float, c2: float
) -> float | None:
    """How far along d; None if no trial decreases the value."""

    def phi(a: float) -> tuple[float, float]:
        found, g = fun(x + a * d)
        return found, float(d @ g)

    return line_search(phi, value, slope, first, c1, c2)
