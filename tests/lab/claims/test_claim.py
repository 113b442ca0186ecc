"""How do checks become a verdict, and when is a number not what theory says?"""

from __future__ import annotations

import math

import pytest

pytest.importorskip("sklearn")

import numpy as np

from onepass.lab.claims.chart import MOST_POINTS, Chart, Line
from onepass.lab.claims.claim import Check, Number, Outcome, Verdict
from onepass.lab.claims.registry import all_claims
from onepass.lab.descent import descend, descents, steps_to
from onepass.optimizers import SGD


@pytest.mark.parametrize(
    ("met", "verdict"),
    [
        ((True, True), Verdict.HOLDS),
        ((True, False), Verdict.DEPENDS),
        ((False, False), Verdict.FAILS),
    ],
)
def test_the_verdict_follows_from_the_checks(met: tuple[bool, ...], verdict: Verdict) -> None:
    checks = tuple(Check("so", one) for one in met)
    assert Outcome(checks, (), Chart((), "", "")).verdict is verdict


def test_a_number_misses_theory() -> None:
    exact = Number("rate", 0.5, 0.5)
    near = Number("rate", 0.5 + 1e-9, 0.5, 1e-8)
    wrong = Number("rate", 0.6, 0.5, 1e-8)
    lost = Number("rate", math.nan, 0.5, 1.0)
    free = Number("rate", math.nan)
    outcome = Outcome((), (exact, near, wrong, lost, free), Chart((), "", ""))
    assert outcome.missed == (wrong, lost)
    assert str(wrong) == "rate = 0.6 (NOT theory 0.5)"
    assert str(exact) == "rate = 0.5 (theory 0.5)"
    assert str(Number("steps", 30000)) == "steps = 30,000"
    assert str(Number("steps", math.inf)) == "steps = inf"


@pytest.mark.parametrize("log_x", [False, True])
def test_a_line_keeps_its_ends(log_x: bool) -> None:
    line = Line.of("way", np.arange(10_000.0), np.arange(1, 10_001), log_x=log_x)
    assert len(line.x) <= MOST_POINTS
    assert (line.x[0], line.y[0], line.x[-1], line.y[-1]) == (1, 0, 10_000, 9999)


def test_descents_are_descents_side_by_side() -> None:
    def gradient(points: np.ndarray, step: int) -> np.ndarray:
        return points + step

    both = descents(SGD, [1, 2], gradient, 3, (0.1, 0.5))
    assert both.shape == (4, 2, 2)
    np.testing.assert_array_equal(both[:, 1], descend(SGD, [1, 2], gradient, 3, lr=0.5))
    np.testing.assert_allclose(both[:3, 1, 0], [1, 0.5, -0.25], rtol=1e-15)


def test_steps_to_a_goal() -> None:
    values = np.array([[9, 9, 1, 1], [1, 9, 9, 1], [9, 9, 1, 1], [1, np.nan, 1, 0]])
    np.testing.assert_array_equal(steps_to(values, 1), [3, np.inf, 2, 0])


def test_claims_are_told_apart() -> None:
    claims = all_claims()
    assert list(claims) == sorted(claims)
    assert len({claim.statement for claim in claims.values()}) == len(claims) >= 19
    for name, claim in claims.items():
        assert name == name.lower()
        assert claim.source
        assert claim.statement.endswith(".")
