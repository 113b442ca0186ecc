"""Does each claim get the verdict and the numbers that theory and the papers say?"""

from __future__ import annotations

from math import isclose, sqrt

import pytest

pytest.importorskip("sklearn")

from onepass.lab.claims.claim import Outcome
from onepass.lab.claims.registry import all_claims

VERDICTS = {
    "adagrad-freezes": "holds",
    "adagrad-no-tuning": "depends",
    "adagrad-sparse": "holds",
    "adam-diverges": "holds",
    "adam-flat-minima": "depends",
    "adam-heavy-ball": "holds",
    "adam-ill-conditioned": "depends",
    "adaptive-generalise": "holds",
    "freeze-repaired": "holds",
    "layer-gradients": "depends",
    "learning-rate": "holds",
    "memory-cost": "holds",
    "minibatch-unbiased": "holds",
    "momentum-accelerates": "holds",
    "momentum-damps": "depends",
    "nesterov-corrects": "depends",
    "rmsprop-bias": "holds",
    "two-time-scales": "holds",
    "weight-decay": "holds",
}

#: Written down from the sources and worked out by hand, apart from what the experiments compute: claim, number, value,
#: and the relative or, for 0, the absolute tolerance.
NUMBERS = [
    ("adam-diverges", "end: Adam", 1.0, 0.0),
    ("adam-diverges", "end: AMSGrad", -0.9955, 5e-5),
    ("adaptive-generalise", "test error: SGD", 0.0, 0.0),
    ("adaptive-generalise", "test error: Momentum", 0.0, 0.0),
    ("adaptive-generalise", "test error: Adagrad", 0.3, 0.0),
    ("adaptive-generalise", "test error: RMSprop", 0.3, 0.0),
    ("adaptive-generalise", "test error: Adam", 0.3, 0.0),
    ("learning-rate", "limit", 0.5, 1e-9),
    ("learning-rate", "x^2 from 10 after 10 steps: lr 0.2", 0.06046617599999997, 1e-12),
    ("learning-rate", "x^2 from 10 after 10 steps: lr 0.05", 3.4867844009999995, 1e-12),
    ("learning-rate", "x^2 from 10 after 10 steps: lr 1.1", 61.917364224000096, 1e-12),
    ("momentum-damps", "lr 0.6, y after 20 steps: plain", -1673.365108505695, 1e-12),
    ("momentum-damps", "lr 0.6, y after 20 steps: momentum 0.5", 0.002553274755, 1e-9),
    ("momentum-accelerates", "rate: plain", 99 / 101, 1e-9),
    ("momentum-accelerates", "rate: with momentum", 9 / 11, 1e-3),
    ("nesterov-corrects", "rate: momentum", sqrt(0.9), 1e-9),
    ("rmsprop-bias", "length / lr: step 1", 10.0, 1e-9),
    ("adagrad-freezes", "step 10,000 / step 1", 0.01, 1e-9),
    ("minibatch-unbiased", "largest bias / norm of the gradient", 0.0, 1e-12),
    ("weight-decay", "largest difference: SGD", 0.0, 1e-12),
    ("weight-decay", "first step of Adam for a weight of 2 without a loss: decay", 0.01, 1e-9),
    ("memory-cost", "bytes of state: SGD", 0.0, 0.0),
    ("memory-cost", "bytes of state: Adam", 8.0, 0.0),
    ("memory-cost", "bytes of state: AMSGrad", 12.0, 0.0),
    # (1 - r 0.5) lr + r lr^2 1.75 = 0 at lr = 0.02.
    ("two-time-scales", "smallest ratio that converges", 1 / 0.465, 1e-9),
]


def test_every_claim_has_its_verdict_here() -> None:
    assert list(VERDICTS) == list(all_claims())


@pytest.mark.parametrize("name", VERDICTS)
def test_verdict(name: str, outcomes: dict[str, Outcome]) -> None:
    outcome = outcomes[name]
    assert outcome.verdict.value == VERDICTS[name], [check.criterion for check in outcome.checks if not check.met]


@pytest.mark.parametrize("name", VERDICTS)
def test_no_number_misses_theory(name: str, outcomes: dict[str, Outcome]) -> None:
    assert not [str(number) for number in outcomes[name].missed]


@pytest.mark.parametrize("name", VERDICTS)
def test_no_two_numbers_have_one_name(name: str, outcomes: dict[str, Outcome]) -> None:
    names = [number.name for number in outcomes[name].numbers]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(("claim", "name", "value", "tolerance"), NUMBERS)
def test_number(claim: str, name: str, value: float, tolerance: float, outcomes: dict[str, Outcome]) -> None:
    number = next(number for number in outcomes[claim].numbers if number.name == name)
    assert isclose(number.value, value, rel_tol=tolerance, abs_tol=0 if value else tolerance)


def test_momentum_and_nesterov_are_ordered_as_their_optimal_rates(outcomes: dict[str, Outcome]) -> None:
    """Lessard et al. 2016, proposition 1: with the best hyper-parameters the heavy ball is faster on a quadratic."""
    met = {check.criterion: check.met for check in outcomes["nesterov-corrects"].checks}
    assert not met.pop("each with its best lr and momentum for a quadratic, it converges faster")
    assert all(met.values())
