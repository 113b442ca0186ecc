"""Do two players need two learning rates? A game in which equal ones diverge, through groups of one optimizer."""

from __future__ import annotations

import numpy as np

from onepass.arrays import Array
from onepass.lab.claims.chart import Chart, Line
from onepass.lab.claims.claim import Check, Claim, Number, Outcome, Setup
from onepass.optimizer import Optimizer
from onepass.optimizers import SGD, Adam

#: f(x, y) = A x^2 / 2 + B x y - C y^2 / 2, which x lowers and y raises.
A, B, C = -1.0, 1.5, 0.5
LR, STEPS, ADAM_LR, ADAM_STEPS = 0.02, 2000, 0.001, 8000
RATIO = 4.0


def experiment(setup: Setup) -> Outcome:
    """x has no minimum of its own (A < 0), but one if y answers fast (A + B^2 / C > 0).

    With lr for x and r lr for y, a step's matrix has the determinant 1 - lr (A + r C) + r lr^2 (A C + B^2), and its
    eigenvalues, which are complex, have the root of that as their modulus: below 1 for r above the limit.
    """
    equal, faster = (_play(SGD, ratio, LR, STEPS) for ratio in (1.0, RATIO))
    adam_equal, adam_faster = (_play(Adam, ratio, ADAM_LR, ADAM_STEPS) for ratio in (1.0, RATIO))
    ends = [float(np.hypot(*way[-1])) for way in (equal, faster, adam_equal, adam_faster)]
    first = float(np.hypot(*equal[0]))
    return Outcome(
        checks=(
            Check("SGD: with equal learning rates the players move away from the equilibrium", ends[0] > first),
            Check("SGD: with 4 times the rate for y they come within 1e-3 of it", ends[1] < 1e-3),
            Check("Adam: with equal learning rates they end farther than 0.1 from it", ends[2] > 0.1),
            Check("Adam: with 4 times the rate for y they come within 1e-3", ends[3] < 1e-3),
        ),
        numbers=(
            Number("growth per step, SGD: equal rates", _modulus(equal), _determinant(1.0) ** 0.5, 1e-9),
            Number("growth per step, SGD: 4 times for y", _modulus(faster), _determinant(RATIO) ** 0.5, 1e-9),
            Number("smallest ratio that converges", _limit(), A / (LR * (A * C + B * B) - C), 1e-9),
            Number("last distance, Adam: equal rates", ends[2]),
            Number("last distance, Adam: 4 times for y", ends[3]),
        ),
        chart=Chart(
            tuple(
                Line.of(label, np.hypot(*way[:: STEPS // 400].T), np.arange(0, STEPS + 1, STEPS // 400))
                for label, way in (
                    ("SGD, equal rates", equal),
                    ("SGD, 4 times for y", faster),
                    ("Adam, equal rates", adam_equal[:: ADAM_STEPS // STEPS]),
                    ("Adam, 4 times for y", adam_faster[:: ADAM_STEPS // STEPS]),
                )
            ),
            f"step of SGD, or {ADAM_STEPS // STEPS} of Adam",
            "distance from the equilibrium",
            log_y=True,
            y_range=(1e-6, 1e3),
        ),
    )


def _play(method: type[Optimizer], ratio: float, lr: float, steps: int) -> Array:
    """The way of both players from (1, 1): (steps + 1, 2). Each has a group, and that of y ascends."""
    x, y = np.ones(1), np.ones(1)
    optimizer = method([{"params": [x], "lr": lr}, {"params": [y], "lr": ratio * lr, "maximize": True}])
    way = np.ones((steps + 1, 2))
    for row in way[1:]:
        optimizer.step([A * x + B * y, B * x - C * y])
        row[:] = x[0], y[0]
    return way


def _determinant(ratio: float) -> float:
    return 1 - LR * (A + ratio * C) + ratio * LR**2 * (A * C + B * B)


def _modulus(way: Array) -> float:
    """Of a step's eigenvalues: the root of its determinant, by which it multiplies the area of successive points."""
    areas = [first[0] * second[1] - first[1] * second[0] for first, second in (way[:2], way[-2:])]
    return float((areas[1] / areas[0]) ** (0.5 / (len(way) - 2)))


def _limit() -> float:
    """The smallest ratio of the learning rates with which the players come nearer, by bisection."""
    low, high = 1.0, RATIO
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if _modulus(_play(SGD, middle, LR, 200)) > 1 else (low, middle)
    return high


CLAIM = Claim(
    "two-time-scales",
    "Two players converge with two learning rates where one rate for both does not.",
    "Heusel et al. 2017 (TTUR)",
    experiment,
)
