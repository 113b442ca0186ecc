"""Is Adam a heavy ball with friction? Its mean way on a noisy quadratic, beside the ball's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from onepass.arrays import Array
from onepass.lab.claims.chart import Chart, Line
from onepass.lab.claims.claim import Check, Claim, Number, Outcome, Setup
from onepass.lab.descent import descend
from onepass.optimizers import SGD, Adam, Momentum
from onepass.schedules import Schedule

START, NOISE, LR, MOMENTUM = 3.0, 10.0, 1.0, 0.9
COPIES, STEPS = 20_000, 150


@dataclass(frozen=True)
class BiasCorrected(Schedule):
    """The learning rate divided by 1 - beta1^t at step t, which stands in Adam's formula; step 0 is not Adam's."""

    beta1: float

    def __call__(self, t: int, base_lr: float) -> float:
        return base_lr / (1 - self.beta1**t) if t else base_lr


def experiment(setup: Setup) -> Outcome:
    """Where noise outweighs the gradient, the root of Adam's second moment is the noise's deviation s, a constant.

    What is left is x_t+1 = x_t + beta1 (x_t - x_t-1) - (1 - beta1) (lr / s) g, the heavy ball of Heusel et al. 2017,
    up to the correction of the first average.
    """
    rng = setup.rng()
    adam = descend(
        Adam,
        np.full(COPIES, START),
        lambda points, step: points + NOISE * rng.standard_normal(points.shape),
        STEPS,
        lr=LR,
        betas=(MOMENTUM, 0.999),
    ).mean(axis=1)
    ball = _ball()
    plain = descend(SGD, [START], lambda points, step: 1.0 * points, STEPS, lr=LR / NOISE)[:, 0]
    of_ball, of_plain = (float(np.sqrt(np.mean((way - adam) ** 2)) / START) for way in (ball, plain))
    return Outcome(
        checks=(
            Check("the heavy ball's distance from Adam's mean way is below 5 % of the start", of_ball < 0.05),
            Check("descent without inertia is more than three times as far from it", of_plain > 3 * of_ball),
            Check("Adam overshoots the minimum, as the ball does", adam.min() < 0 and ball.min() < 0),
        ),
        numbers=(
            Number("distance from Adam / start: heavy ball", of_ball),
            Number("distance from Adam / start: without inertia", of_plain),
            Number("farthest beyond the minimum: Adam", -adam.min()),
            Number("farthest beyond the minimum: heavy ball", -ball.min()),
        ),
        chart=Chart(
            (
                Line.of(f"Adam, mean of {COPIES:,}", adam),
                Line.of("heavy ball", ball),
                Line.of("without inertia", plain),
            ),
            "step",
            "distance from the minimum, signed",
        ),
    )


def _ball() -> Array:
    """The way of the ball. Momentum's first gradient would enter whole, so that one is zero and its step left out."""
    return descend(
        Momentum,
        [START],
        lambda points, step: 1.0 * points if step else np.zeros_like(points),
        STEPS + 1,
        lr=LR / NOISE,
        before=BiasCorrected(MOMENTUM).attach,
        momentum=MOMENTUM,
        dampening=MOMENTUM,
    )[1:, 0]


CLAIM = Claim(
    "adam-heavy-ball",
    "Adam moves like a heavy ball with friction.",
    "Heusel et al. 2017, section 2",
    experiment,
)
