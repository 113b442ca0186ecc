"""Every optimizer goes down a parabola, and down Rosenbrock's valley as far as first-order methods do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from cases import CLASSES, RULES, build

from onepass.arrays import Array
from onepass.optimizer import Optimizer


def parabola(x: Array) -> tuple[float, Array]:
    curvature = np.array([1.0, 3.0])
    return float((curvature * x * x).sum()), 2 * curvature * x


def rosenbrock(x: Array) -> tuple[float, Array]:
    bend, offset = x[1] - x[0] ** 2, 1 - x[0]
    return float(100 * bend**2 + offset**2), np.array([-400 * bend * x[0] - 2 * offset, 200 * bend])


def descend(optimizer: Optimizer, function: Any, steps: int) -> float:
    (x,) = optimizer.params
    start = optimizer.param_groups[0]["lr"]
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = start * (1 - step / steps)
        optimizer.step([function(x)[1]])
    return function(x)[0]


# Adadelta starts from steps of sqrt(eps); RAdam's first five steps are not scaled down by the size of the gradient.
# ADOPT's second moment forgets its first gradients, which are large, over ten thousand steps. Adafactor's steps are
# relative to what is left.
PARABOLA_LR = {
    "Adafactor": 0.5,
    "Adadelta": 10.0,
    "Adagrad": 0.5,
    "SGD": 0.1,
    "Momentum": 0.02,
    "Nesterov": 0.02,
    "ASGD": 0.1,
    "LARS": 10.0,
    "ScheduleFreeSGD": 0.3,
    "ScheduleFreeAdamW": 0.3,
}
ROSENBROCK_LR = {
    "Adadelta": 10.0,
    "Adagrad": 0.5,
    "ADOPT": 0.1,
    "LARS": 10.0,
    "ScheduleFreeSGD": 1e-3,
    "RAdam": 5e-3,
    "SGD": 1e-3,
    "ASGD": 1e-3,
    "Momentum": 3e-4,
    "Nesterov": 3e-4,
}


@pytest.mark.parametrize("rule", RULES)
def test_parabola(rule: str) -> None:
    optimizer = build(rule, [np.array([1.0, -1.5])])
    (group,) = optimizer.param_groups
    group["lr"] = PARABOLA_LR.get(type(optimizer).__name__, 0.05)
    if "weight_decay" in group:
        group["weight_decay"] = 0
    assert descend(optimizer, parabola, 500) < 1e-4


@pytest.mark.parametrize("cls", CLASSES)
def test_rosenbrock(cls: type[Optimizer]) -> None:
    optimizer = cls([np.array([-1.2, 1.0])], lr=ROSENBROCK_LR.get(cls.__name__, 0.02))
    assert rosenbrock(optimizer.params[0])[0] == pytest.approx(24.2)
    assert descend(optimizer, rosenbrock, 10_000) < 0.05
