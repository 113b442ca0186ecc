"""Are published figures put beside the right ones of ours, and is the verdict right?"""

from __future__ import annotations

import math

import pytest

pytest.importorskip("sklearn")
pytest.importorskip("rich")

from some_runs import a_run

from onepass.lab.train.published import Figure, compared, order_of
from onepass.lab.train.rows import rows


def test_figures_of_the_epochs_that_were_reached() -> None:
    (row,) = rows([a_run(losses=(2.3, 0.5, 0.1), accuracy=0.97)])
    figures = [
        Figure("training loss", 1, 0.6),
        Figure("training loss", 2, 0.11, within=0.02),
        Figure("test accuracy", 2, 0.98, within=0.005),
        Figure("training loss", 3, 0.05, within=0.01),
    ]
    comparisons = compared(row, figures)
    assert [(comparison.ours, comparison.verdict) for comparison in comparisons] == [
        (0.5, "-"),
        (0.1, "yes"),
        (0.97, "NO"),
    ]


def test_a_run_that_diverged_is_not_near() -> None:
    (row,) = rows([a_run(losses=(2.3, math.nan, math.nan))])
    (comparison,) = compared(row, [Figure("training loss", 2, 0.1, within=1e9)])
    assert comparison.verdict == "NO"


@pytest.mark.parametrize(("sgd", "verdict"), [(0.8, "The order is the same;"), (0.95, "The order is not the same;")])
def test_the_order(sgd: float, verdict: str) -> None:
    ours = rows([a_run("SGD", accuracy=sgd), a_run("Lion", accuracy=0.99), a_run("Adam", accuracy=0.9)])
    text = order_of(ours, {"Adam": 0.7, "SGD": 0.6, "RMSprop": 0.9})
    assert "Published order: Adam > SGD\n" in text
    assert verdict in text
    assert "Lion" not in text
    assert "RMSprop" not in text
