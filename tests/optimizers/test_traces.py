"""Trajectories that any correct implementation reproduces: printed ones (d2l.ai, chapter 12), and some by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import onepass as op
from onepass.arrays import Array
from onepass.optimizer import Optimizer


def walk(optimizer: Optimizer, curvature: Array, steps: int = 20) -> Array:
    """The end of a descent on sum(curvature * x^2)."""
    (x,) = optimizer.params
    for _ in range(steps):
        optimizer.step([2 * curvature * x])
    return x


@pytest.mark.parametrize(
    ("lr", "end"), [(0.2, 0.06046617599999997), (0.05, 3.4867844009999995), (1.1, 61.917364224000096)]
)
def test_gradient_descent_on_a_parabola(lr: float, end: float) -> None:
    assert walk(op.SGD([np.array([10.0])], lr=lr), np.ones(1), steps=10)[0] == pytest.approx(end, rel=1e-14)


FLAT, STEEP = np.array([0.1, 2.0]), np.array([1.0, 2.0])


@pytest.mark.parametrize(
    ("curvature", "cls", "options", "end"),
    [
        (STEEP, op.SGD, {"lr": 0.1}, (-0.057646075230, -0.00007312316880)),
        (FLAT, op.SGD, {"lr": 0.4}, (-0.943466645814, -0.00007312316880)),
        (FLAT, op.SGD, {"lr": 0.6}, (-5 * 0.88**20, -1673.365108505695)),
        (FLAT, op.Momentum, {"lr": 0.4, "momentum": 0.5}, (-0.062843455030, 0.001202335572)),
        (FLAT, op.Momentum, {"lr": 0.6, "momentum": 0.5}, (0.007187866737, 0.002553274755)),
        # eps inside the root is an accumulator that starts at eps.
        (
            FLAT,
            op.Adagrad,
            {"lr": 0.4, "initial_accumulator_value": 1e-6, "eps": 0},
            (-2.382562771980, -0.158590550037),
        ),
    ],
    ids=str,
)
def test_descent_in_two_dimensions(
    curvature: Array, cls: type[Optimizer], options: dict[str, float], end: tuple[float, float]
) -> None:
    x = walk(cls([np.array([-5.0, -2.0])], **options), curvature)
    assert [f"{value:.12f}" for value in x] == [f"{value:.12f}" for value in end]


def test_rmsprop_with_eps_inside_the_root() -> None:
    """Adadelta divides by sqrt(v + eps); with what it multiplies held at 1 it is this RMSprop."""
    optimizer = op.Adadelta([np.array([-5.0, -2.0])], lr=0.4, rho=0.9, eps=1e-6)
    (x,), (state,) = optimizer.params, optimizer.state
    for _ in range(20):
        state["acc_delta"][...] = 1 - 1e-6
        optimizer.step([2 * FLAT * x])
    assert f"{x[0]:.12f}" == "-0.010598672134"
    assert x[1] == pytest.approx(1.0e-14, rel=0.05)


# Each step by hand: the momentum over the root, both corrected. All begin at 10 with lr 1 and eps 0.
@pytest.mark.parametrize(
    ("cls", "options", "gradients", "steps"),
    [
        # m 4, then -4/3; s 2, then -1; the root 4.
        (op.AdEMAMix, {"betas": (0.5, 0.75, 0.5), "alpha": 1}, [4, -4], [(4 + 2) / 4, (-4 / 3 - 1) / 4]),
        (op.AdEMAMix, {"betas": (0.5, 0.75, 0.5), "alpha": 1, "alpha_warmup": 2}, [4], [(4 + 1) / 4]),
        # Half lives of 1/2 step and of 1; in between is 3/4, and then the longer one.
        (
            op.AdEMAMix,
            {"betas": (0.25, 0.75, 0.5), "alpha": 1, "beta3_warmup": 2},
            [4, 0],
            [(4 + 4 - 4 * 2 ** (-4 / 3)) / 4, (0.75 / 0.9375 + (4 - 4 * 2 ** (-4 / 3)) / 2) / (3 / 0.4375) ** 0.5],
        ),
        # An average that forgets at once has no memory: half of that of 1/4 has 1/16.
        (op.AdEMAMix, {"betas": (0, 0.75, 0.25), "alpha": 1, "beta3_warmup": 2}, [4], [(4 + 4 * 15 / 16) / 4]),
        (op.AdEMAMix, {"betas": (0, 0.75, 0), "alpha": 1, "beta3_warmup": 2}, [4], [(4 + 4) / 4]),
        # m 4, 0, 16/7; the root of the variance 2, any, 2.
        (op.AdaBelief, {"betas": (0.5, 0.75)}, [4, -2, 4], [4 / 2, 0, 16 / 7 / 2]),
        (op.AdaBelief, {"betas": (0.5, 0.75), "eps": 0.25}, [4], [4 / (5**0.5 + 0.25)]),
        # m 4, then 20/3; half of d 0, then 4/3; the root 4, then 8.
        (op.Adan, {"betas": (0.5, 0.5, 0.75)}, [4, 8], [4 / 4, (20 / 3 + 4 / 3) / 8]),
        (op.Adan, {"betas": (0.5, 0.5, 0.75), "weight_decay": 0.25}, [4, 8], [10 - 9 / 1.25, 7.2 - 6.2 / 1.25]),
        # 8/4, limited to 1; then -7 over the root of 28, limited to the fourth root of 2.
        (op.ADOPT, {"betas": (0.5, 0.75)}, [4, 8, -7], [0, 0.5, 0.25 - 2**0.25 / 2]),
        (op.ADOPT, {"betas": (0.5, 0.75), "weight_decay": 0.5}, [4, 2], [0, 5 + 0.25]),
        (op.ADOPT, {"betas": (0.5, 0.75), "eps": 8.0}, [4, 2], [0, 0.125]),
        # 1 and -1 into the momentum; the root 4 and 4.
        (op.LaProp, {"betas": (0.5, 0.75)}, [4, -4], [1, -1 / 3]),
        # 0.6 and 0.1 for 0.4 and 0.2; m 0.6, then 0.8/3; the root 0.6, then 0.4. What is longer than 1 becomes 1.
        (op.MARS, {"betas": (0.5, 0.75), "gamma": 0.5}, [0.4, 0.2], [6 / 6, 8 / 3 / 4]),
        (op.MARS, {"betas": (0.5, 0.75), "gamma": 0.5}, [4, 2, 3.5], [1, 1, 1]),
        (op.MARS, {"betas": (0.5, 0.75), "gamma": 0}, [4, 2], [1, 8 / 3 / (4 / 0.4375) ** 0.5]),
        # v 4, 4, 3.75.
        (
            op.Yogi,
            {"betas": (0.5, 0.75), "initial_accumulator_value": 0},
            [4, 2, 1],
            [4 / 4, 8 / 3 / (4 / 0.4375) ** 0.5, 12 / 7 / (3.75 / 0.578125) ** 0.5],
        ),
        (op.Yogi, {"betas": (0.5, 0.75), "initial_accumulator_value": 3}, [2], [2 / (4 / 0.25) ** 0.5]),
        (op.Adam, {"betas": (0, 0.75)}, [4, -4], [1, -1]),
        (op.AdamW, {"betas": (0, 0.75), "weight_decay": 0.5}, [4, -4], [5 + 1, 2 - 1]),
    ],
)
def test_steps_by_hand(
    cls: type[Optimizer], options: dict[str, Any], gradients: list[float], steps: list[float]
) -> None:
    x = np.array([10.0])
    optimizer = cls([x], **{"lr": 1.0, "eps": 0.0, **options})
    for gradient, step in zip(gradients, steps, strict=True):
        before = x[0]
        optimizer.step([np.array([gradient], float)])
        assert before - x[0] == pytest.approx(step, rel=1e-13, abs=1e-13)
