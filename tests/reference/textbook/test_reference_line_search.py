"""Does the search of `onepass.solve.smooth.line_search` try the steps of its reference?"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from onepass.reference.textbook.line_search import line_search
from onepass.solve.smooth.line_search import Outcome, Wolfe

Phi = Callable[[float], tuple[float, float]]


def waves(seed: int) -> Phi:
    """A quartic with waves: all cases of the paper come along."""
    rng = np.random.default_rng(seed)
    least, size, often, phase = rng.uniform(0.1, 20), rng.uniform(0, 3), rng.uniform(0.1, 3), rng.uniform(0, 2)

    def phi(a: float) -> tuple[float, float]:
        value = (a - least) ** 2 + 0.01 * (a - least) ** 4 + size * math.sin(often * a + phase)
        return value, 2 * (a - least) + 0.04 * (a - least) ** 3 + size * often * math.cos(often * a + phase)

    return phi


def walled(phi: Phi, wall: float) -> Phi:
    """Not finite from there on."""
    return lambda a: phi(a) if a < wall else (math.inf, math.nan)


def flat(phi: Phi) -> Phi:
    """Values that differ by less than their rounding, so that slopes alone decide."""

    def raised(a: float) -> tuple[float, float]:
        value, slope = phi(a)
        return 1e3 + 1e-15 * value, 1e-15 * slope

    return raised


SHAPES: dict[str, Callable[[Phi], Phi]] = {
    "plain": lambda phi: phi,
    "walled": lambda phi: walled(phi, 3.0),
    "flat": flat,
}


@pytest.mark.parametrize("c2", [0.9, 0.1, 1e-3])
@pytest.mark.parametrize("first", [1e-2, 1.0, 30.0])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_trials_are_the_references(shape: str, first: float, c2: float) -> None:
    tried = 0
    for seed in range(40):
        phi = SHAPES[shape](waves(seed))
        value, slope = phi(0.0)
        if slope >= 0:
            continue
        trials: tuple[list[float], list[float]] = [], []

        def seen(a: float, phi: Phi = phi, into: list[float] = trials[0]) -> tuple[float, float]:
            into.append(a)
            return phi(a)

        outcome, best, _ = Wolfe(1e-4, c2).search(seen, value, slope, first, 20)
        step = line_search(lambda a, into=trials[1]: seen(a, into=into), value, slope, first, 1e-4, c2)
        np.testing.assert_allclose(*trials, rtol=1e-6, err_msg=f"seed {seed}")
        assert (step is None) == (outcome is Outcome.FAILED)
        assert step is None or step == pytest.approx(best.step, rel=1e-6)
        tried += len(trials[0])
    assert tried > 30
