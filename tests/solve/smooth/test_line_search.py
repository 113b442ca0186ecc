"""Does the line search end at a point of the strong Wolfe conditions, within its budget, and back off from NaN?"""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from onepass.solve.smooth.line_search import Outcome, Wolfe

Phi = Callable[[float], tuple[float, float]]


def more_thuente_1(a: float, beta: float = 2.0) -> tuple[float, float]:
    """Eq. 5.1 of the paper."""
    return -a / (a * a + beta), (a * a - beta) / (a * a + beta) ** 2


def more_thuente_2(a: float, beta: float = 0.004) -> tuple[float, float]:
    """Eq. 5.2."""
    return (a + beta) ** 5 - 2 * (a + beta) ** 4, 5 * (a + beta) ** 4 - 8 * (a + beta) ** 3


def more_thuente_3(a: float, beta: float = 0.01, waves: float = 39.0) -> tuple[float, float]:
    """Eq. 5.3: oscillates; the line below 1 - beta and above 1 + beta is joined by a parabola."""
    if a <= 1 - beta:
        base, slope = 1 - a, -1.0
    elif a >= 1 + beta:
        base, slope = a - 1, 1.0
    else:
        base, slope = (a - 1) ** 2 / (2 * beta) + beta / 2, (a - 1) / beta
    angle = waves * math.pi * a / 2
    return base + 2 * (1 - beta) / (waves * math.pi) * math.sin(angle), slope + (1 - beta) * math.cos(angle)


def yanai(first: float, second: float) -> Phi:
    """Eq. 5.4: steep at one or both ends."""

    def gamma(beta: float) -> float:
        return math.sqrt(1 + beta * beta) - beta

    def phi(a: float) -> tuple[float, float]:
        left, right = math.hypot(1 - a, second), math.hypot(a, first)
        one, two = gamma(first), gamma(second)
        return one * left + two * right, -one * (1 - a) / left + two * a / right

    return phi


FUNCTIONS = {
    "5.1": (more_thuente_1, 1e-3, 1e-1),
    "5.2": (more_thuente_2, 1e-1, 1e-1),
    "5.3": (more_thuente_3, 1e-1, 1e-1),
    "5.4 a": (yanai(1e-3, 1e-3), 1e-3, 1e-3),
    "5.4 b": (yanai(1e-2, 1e-3), 1e-3, 1e-3),
    "5.4 c": (yanai(1e-3, 1e-2), 1e-3, 1e-3),
}


def counted(phi: Phi) -> tuple[Phi, list[float]]:
    tried: list[float] = []

    def counting(a: float) -> tuple[float, float]:
        tried.append(a)
        return phi(a)

    return counting, tried


@pytest.mark.parametrize("first", [1e-3, 1e-1, 1e1, 1e3])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_papers_functions(name: str, first: float) -> None:
    """Tables I to VI: every search succeeds, within 13 evaluations."""
    phi, c1, c2 = FUNCTIONS[name]
    value, slope = phi(0.0)
    counting, tried = counted(phi)
    outcome, best, last = Wolfe(c1, c2).search(counting, value, slope, first, 100)
    assert outcome is Outcome.WOLFE
    assert best is last
    assert best.value <= value + c1 * best.step * slope
    assert abs(best.slope) <= c2 * abs(slope)
    assert len(tried) <= 13


def test_the_evaluations_of_table_one() -> None:
    """The paper's counts for the first function are 6, 3, 1 and 4."""
    counts = []
    for first in (1e-3, 1e-1, 1e1, 1e3):
        counting, tried = counted(more_thuente_1)
        Wolfe(1e-3, 1e-1).search(counting, *more_thuente_1(0.0), first, 100)
        counts.append(len(tried))
    assert counts == [6, 3, 1, 4]


def test_a_quadratic_takes_its_minimizer() -> None:
    outcome, best, _ = Wolfe(1e-4, 1e-9).search(lambda a: ((a - 3) ** 2, 2 * (a - 3)), 9.0, -6.0, 1.0, 100)
    assert outcome is Outcome.WOLFE
    assert best.step == pytest.approx(3, rel=1e-12)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("which", ["value", "slope"])
def test_it_backs_off_from_what_is_not_finite(bad: float, which: str) -> None:
    """a - log(1 + a) - a / 10 has its minimizer inside; beyond 2 nothing is finite."""

    def phi(a: float) -> tuple[float, float]:
        if a >= 2:
            return (bad, 1.0) if which == "value" else (0.0, bad)
        return -math.log1p(a) + a / 2, -1 / (1 + a) + 0.5

    counting, tried = counted(phi)
    outcome, best, _ = Wolfe(1e-4, 0.1).search(counting, 0.0, -0.5, 1000.0, 100)
    assert outcome is Outcome.WOLFE
    assert best.step == pytest.approx(1, abs=0.2)
    assert len(tried) <= 12


def test_the_budget_is_kept_and_told() -> None:
    counting, tried = counted(lambda a: (-a, -1.0))
    outcome, best, last = Wolfe(trials=7).search(counting, 0.0, -1.0, 1.0, 100)
    assert outcome is Outcome.DECREASE
    assert len(tried) == 7
    assert best is last
    counting, tried = counted(lambda a: (a, 1.0))
    outcome, best, _ = Wolfe(trials=7).search(counting, 0.0, -1.0, 1.0, 3)
    assert outcome is Outcome.FAILED
    assert len(tried) == 3
    assert best.step == 0


def test_where_values_are_rounded_the_slope_decides() -> None:
    """Near a minimum of 1e8 the decrease is below the value's rounding."""
    outcome, best, _ = Wolfe().search(lambda a: (1e8, a - 1.0), 1e8, -1.0, 1.0, 100)
    assert outcome is Outcome.WOLFE
    assert best.step == 1
