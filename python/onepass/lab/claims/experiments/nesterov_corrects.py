"""Does Nesterov's look-ahead correct momentum? At the same settings, at the best ones, and where momentum cycles."""

from __future__ import annotations

from math import sqrt

import numpy as np

from onepass.arrays import Array
from onepass.lab.claims.chart import Chart, Line
from onepass.lab.claims.claim import Check, Claim, Number, Outcome, Setup
from onepass.lab.claims.quadratic import Quadratic
from onepass.lab.descent import descend
from onepass.optimizers import Momentum, Nesterov

SMALL, LARGE = 0.04, 4.0
CONDITION = LARGE / SMALL
LR, MOMENTUM, CURVATURE = 0.05, 0.9, 1.0
STEPS = 200


def experiment(setup: Setup) -> Outcome:
    """Lessard, Recht & Packard 2016: proposition 1 (rates), and the convex function on which momentum cycles."""
    hill = Quadratic.along_axes([CURVATURE])
    heavy = descend(Momentum, [1], hill.gradient, STEPS, lr=LR, momentum=MOMENTUM)[:, 0]
    ahead = descend(Nesterov, [1], hill.gradient, STEPS, lr=LR, momentum=MOMENTUM)[:, 0]
    best_heavy, best_ahead = _best_rates()
    cycle = descend(Momentum, [3.3], _kinked, STEPS, lr=1 / 9, momentum=4 / 9)[:, 0]
    settled = descend(Nesterov, [3.3], _kinked, STEPS, lr=1 / 25, momentum=4 / 6)[:, 0]
    return Outcome(
        checks=(
            Check("at the same lr and momentum it overshoots less", -ahead.min() < -heavy.min()),
            Check("at the same lr and momentum it converges faster", _modulus(ahead) < _modulus(heavy)),
            Check("each with its best lr and momentum for a quadratic, it converges faster", best_ahead < best_heavy),
            Check(
                "it converges on the convex function on which momentum cycles",
                abs(settled[-1]) < 1e-6 and abs(cycle[-3:]).min() > 0.1,
            ),
        ),
        numbers=(
            Number("overshoot: momentum", -heavy.min()),
            Number("overshoot: Nesterov", -ahead.min()),
            Number("rate: momentum", _modulus(heavy), sqrt(MOMENTUM), 1e-9),
            Number("rate: Nesterov", _modulus(ahead), sqrt(MOMENTUM * (1 - LR * CURVATURE)), 1e-9),
            Number("best rate: momentum", best_heavy, (sqrt(CONDITION) - 1) / (sqrt(CONDITION) + 1), 1e-3),
            Number("best rate: Nesterov", best_ahead, 1 - 2 / sqrt(3 * CONDITION + 1), 1e-3),
        ),
        chart=Chart(
            (
                Line.of("momentum, quadratic", heavy[:61]),
                Line.of("Nesterov, quadratic", ahead[:61]),
                Line.of("momentum, kinked", cycle[:61]),
                Line.of("Nesterov, kinked", settled[:61]),
            ),
            "step",
            "distance from the minimum, signed",
        ),
    )


def _kinked(points: Array, step: int) -> Array:
    """Slope 25 up to 1, then 1, then 25 again: the gradient of a convex function whose minimum is at 0."""
    return np.where(points < 1, 25 * points, np.where(points < 2, points + 24, 25 * points - 24))


def _modulus(way: Array) -> float:
    """The size of the two roots of x_t+1 = a x_t - b x_t-1 where they are complex: sqrt b, of which this is exact."""
    areas = [way[t] ** 2 - way[t - 1] * way[t + 1] for t in (1, STEPS // 2)]
    return float((areas[1] / areas[0]) ** (0.5 / (STEPS // 2 - 1)))


def _best_rates() -> tuple[float, float]:
    """Of momentum and Nesterov on a quadratic, with the hyper-parameters of Lessard et al., proposition 1."""
    root, root3 = sqrt(CONDITION), sqrt(3 * CONDITION + 1)
    hill, half = Quadratic.along_axes([SMALL, LARGE]), 1000
    settings = (
        (Momentum, 4 / (sqrt(LARGE) + sqrt(SMALL)) ** 2, ((root - 1) / (root + 1)) ** 2),
        (Nesterov, 4 / (3 * LARGE + SMALL), (root3 - 2) / (root3 + 2)),
    )
    ways = [descend(method, [1, 1], hill.gradient, 2 * half, lr=lr, momentum=mu) for method, lr, mu in settings]
    momentum, nesterov = [float((abs(way[-1]).max() / abs(way[half]).max()) ** (1 / half)) for way in ways]
    return momentum, nesterov


CLAIM = Claim(
    "nesterov-corrects",
    "Nesterov's look-ahead corrects momentum: it overshoots less and converges faster.",
    "Sutskever et al. 2013; Lessard et al. 2016",
    experiment,
)
