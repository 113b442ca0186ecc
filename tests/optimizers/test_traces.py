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


HALF = {"betas": (0.5, 0.75), "eps": 0.0}
ROOT_13, ROOT_75 = 13**0.5, 75**0.5
K = 2 / 3 / (12 / 7) ** 0.5  # what LAMB's first gradient is in its second step
SECOND = np.array([K + 0.5, 1 - K])
EXCESS = (112 / 76) ** 0.5
UPDATE = 10 / 3 / (76 / 7) ** 0.5


# The parameter after each step by hand: of (3, 4), whose norm is 5, or of another.
@pytest.mark.parametrize(
    ("cls", "options", "start", "gradients", "ends"),
    [
        # The direction is (1.75, 0), then (K, -K) and a quarter of the parameter (2, 4), whose norm is the root of 20.
        (
            op.LAMB,
            {"lr": 0.2, "weight_decay": 0.25, **HALF},
            (3, 4),
            [(2, -2), (0, 0)],
            [(2, 4), np.array([2, 4]) - 0.2 * 20**0.5 * SECOND / np.hypot(*SECOND)],
        ),
        # (2/4, -6/8) is in direction of (2, -3).
        (
            op.LAMB,
            {"lr": 1.0, "weight_decay": 0.0, "eps": 2.0},
            (3, 4),
            [(2, -6)],
            [(3 - 10 / ROOT_13, 4 + 15 / ROOT_13)],
        ),
        # The ratio is 1 where a norm is 0.
        (op.LAMB, {"lr": 0.5, **HALF}, (0, 0), [(3, -5)], [(-0.5, 0.5)]),
        (op.LAMB, {"lr": 0.5, "weight_decay": 0.0}, (3, 4), [(0, 0)], [(3, 4)]),
        # 0.5 * 5 / (2.5 + 2.5) is 1/2; and then 0.5 * 2.5 / (1.75 + 1.25) is 5/12, for the parameter (1.5, 2).
        (
            op.LARS,
            {"lr": 1.0, "momentum": 0.5, "weight_decay": 0.5, "trust_coefficient": 0.5},
            (3, 4),
            [(1.5, 2), (-1.75, 0)],
            [(1.5, 2), (1.5 - 0.75 + 5 / 12, 2 - 1 - 5 / 12)],
        ),
        (op.LARS, {"lr": 0.5, "momentum": 0.5, "trust_coefficient": 0.1}, (0, 0), [(2, -4)], [(-1, 2)]),
        (op.LARS, {"lr": 0.5, "momentum": 0.5, "trust_coefficient": 0.1}, (3, 4), [(0, 0)], [(3, 4)]),
        # lr is outside the momentum, so that the ratio 1/2 of the first step goes on at half.
        (
            op.LARS,
            {"lr": 0.5, "momentum": 0.5, "trust_coefficient": 0.5},
            (6, 8),
            [(3, 4), (0, 0)],
            [(4.5, 6), (3.75, 5)],
        ),
        # The first square of the norm is 25, the second 225, their average 75.
        (
            op.NovoGrad,
            {"lr": 0.5, "weight_decay": 0.5, **HALF},
            (1, 1),
            [(3, -4), (0, 15)],
            [
                (0.45, 1.15),
                (0.45 - 0.5 * (0.55 + 0.225), 1.15 - 0.5 * (-0.15 + 15 / ROOT_75 + 0.575)),
            ],
        ),
        (op.NovoGrad, {"lr": 1.0, "betas": (0.5, 0.75), "eps": 3.0}, (1, 1), [(3, -4)], [(1 - 3 / 8, 1 + 4 / 8)]),
        # The averages are the gradient at first. Then m is 2/3 + 8/3, v is 12/7 + 64/7, and 16 is 112/76 of it.
        (
            op.StableAdamW,
            {"lr": 1.0, "weight_decay": 0.5, **HALF},
            (3, 4),
            [(2, -2), (4, -4)],
            [(0.5, 3), (0.5 - (0.25 + UPDATE) / EXCESS, 3 - (1.5 - UPDATE) / EXCESS)],
        ),
        # Where the mean of the ratios is less than 1 the rate is as it was: 0 and less than 1 here.
        (
            op.StableAdamW,
            {"lr": 1.0, "weight_decay": 0.0, **HALF},
            (3, 4),
            [(2, -2), (0, 0)],
            [(2, 5), (2 - 2 / 3 / (12 / 7) ** 0.5, 5 + 2 / 3 / (12 / 7) ** 0.5)],
        ),
        # A second moment of 4 is less than eps squared, 16: the mean of 4/16 is no reason to lower the rate.
        (op.StableAdamW, {"lr": 1.0, "weight_decay": 0.0, "eps": 4.0}, (3,), [(2,)], [(3 - 2 / 6,)]),
        # z is 6, 4, 1; x is their mean; the parameter is half way.
        (op.ScheduleFreeSGD, {"lr": 1.0, "momentum": 0.5}, (10,), [(4,), (2,), (3,)], [(6,), (4.5,), (7 / 3,)]),
        # lr 1/2 and 1, weights 1/4 and 1; z is 8, 6; x is 8, 6.4.
        (op.ScheduleFreeSGD, {"lr": 1.0, "momentum": 0.5, "warmup_steps": 2}, (10,), [(4,), (2,)], [(8,), (6.2,)]),
        # Weights 1, 2; x is 6, then a third of 6 and two of 4.
        (
            op.ScheduleFreeSGD,
            {"lr": 1.0, "momentum": 0.5, "r": 1.0, "weight_lr_power": 0.0},
            (10,),
            [(4,), (2,)],
            [(6,), (4 + 1 / 3,)],
        ),
        # z is 10 - 9, then 1 - 2.5.
        (
            op.ScheduleFreeSGD,
            {"lr": 1.0, "momentum": 0.5, "weight_decay": 0.5},
            (10,),
            [(4,), (2,)],
            [(1,), (-0.875,)],
        ),
        # Both gradients are as long as the root; z is 9, 10.
        (op.ScheduleFreeAdamW, {"lr": 1.0, **HALF}, (10,), [(4,), (-4,)], [(9,), (9.75,)]),
        # 4 / (4 + 4), and half of 10 at the parameter.
        (
            op.ScheduleFreeAdamW,
            {"lr": 1.0, "betas": (0.5, 0.75), "eps": 4.0, "weight_decay": 0.5},
            (10,),
            [(4,)],
            [(4.5,)],
        ),
    ],
)
def test_steps_of_a_vector_by_hand(
    cls: type[Optimizer], options: dict[str, Any], start: Any, gradients: list[Any], ends: list[Any]
) -> None:
    x = np.array(start, float)
    optimizer = cls([x], **options)
    for gradient, end in zip(gradients, ends, strict=True):
        optimizer.step([np.array(gradient, float)])
        assert x == pytest.approx(np.array(end, float), rel=1e-13, abs=1e-13)


def test_a_weight_without_a_rate_counts_nothing() -> None:
    """Schedule-Free with lr 0 at first: what stands still is not averaged, unless all steps weigh the same."""
    for power, end in ((2.0, 9.0), (0.0, 9.5)):
        optimizer = op.ScheduleFreeSGD([np.array([10.0])], lr=0.0, weight_lr_power=power)
        optimizer.step([np.array([4.0])])
        assert optimizer.averaged[0].tolist() == [10]
        optimizer.lr = 1.0
        optimizer.step([np.array([1.0])])
        assert optimizer.averaged[0].tolist() == [end]


def test_a_rate_that_falls_weighs_as_the_highest_so_far() -> None:
    optimizer = op.ScheduleFreeSGD([np.array([10.0])], lr=2.0, momentum=0.5)
    optimizer.step([np.array([1.0])])
    optimizer.lr = 1.0
    optimizer.step([np.array([1.0])])
    assert optimizer.averaged[0].tolist() == [7.5]
    assert optimizer.params[0].tolist() == [7.25]


def test_lars_decays_without_gradient_as_with_next_to_none() -> None:
    """Algorithm 1 divides by the norm of the gradient and the decay's: with one of them at 0 it is still defined."""
    ends = []
    for size in (0.0, 1e-100):
        x = np.array([3.0, 4.0])
        op.LARS([x], lr=1.0, weight_decay=0.01, trust_coefficient=0.1).step([np.full(2, size)])
        ends.append(x)
    np.testing.assert_allclose(*ends)
    np.testing.assert_allclose(ends[0], [3 * 0.9, 4 * 0.9])  # 0.1 / 0.01 of a hundredth
