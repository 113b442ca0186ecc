"""Trajectories that any correct implementation reproduces, to the printed digits (d2l.ai, chapter 12)."""

from __future__ import annotations

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
