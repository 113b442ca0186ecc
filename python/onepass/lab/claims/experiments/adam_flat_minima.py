"""Does Adam's inertia carry it over narrow minima into wide ones? A narrow well, of several depths, on the way down."""

from __future__ import annotations

import numpy as np

from onepass.arrays import Array
from onepass.lab.claims.chart import Chart, Line
from onepass.lab.claims.claim import Check, Claim, Number, Outcome, Setup
from onepass.lab.descent import descents
from onepass.optimizers import Adam

START, WELL, WIDTH, SLOPE = 6.0, 3.0, 0.3, 0.04
DEPTHS = np.array([0.08, 0.1, 0.15, 0.2, 0.3, 0.5])
RATES = np.geomspace(0.01, 0.3, 15)
STEPS = 3000


def experiment(setup: Setup) -> Outcome:
    """0.02 x^2, wide, minus d exp(-(x - 3)^2 / 2 / 0.3^2), narrow, from x = 6, for depths d from 0.08 to 0.5."""
    with_inertia, without = (_shares(beta1) for beta1 in (0.9, 0.0))
    return Outcome(
        checks=(
            Check(
                "Adam ends there in more cases than without inertia, beta1 = 0",
                with_inertia.mean() > without.mean(),
            ),
            Check("it does so in most cases", with_inertia.mean() > 0.5),
        ),
        numbers=(
            Number("share that ends in the wide minimum: beta1 0.9", with_inertia.mean()),
            Number("share that ends in the wide minimum: beta1 0", without.mean()),
            Number("at the largest lr: beta1 0.9", with_inertia[-1]),
            Number("at the largest lr: beta1 0", without[-1]),
        ),
        chart=Chart(
            (
                Line.of("Adam, beta1 = 0.9", with_inertia, RATES),
                Line.of("without inertia, beta1 = 0", without, RATES),
            ),
            "learning rate",
            "share of the depths whose well is left",
            log_x=True,
        ),
    )


def _shares(beta1: float) -> Array:
    """For each learning rate, the share of depths from whose well Adam goes on to the wide minimum."""

    def gradient(points: Array, step: int) -> Array:
        beyond = points - WELL
        return SLOPE * points + DEPTHS * beyond / WIDTH**2 * np.exp(-(beyond**2) / 2 / WIDTH**2)

    way = descents(Adam, np.full(len(DEPTHS), START), gradient, STEPS, RATES, betas=(beta1, 0.999))
    return np.asarray((abs(way[-1]) < WELL / 2).mean(axis=1))


CLAIM = Claim(
    "adam-flat-minima",
    "Adam's inertia carries it over narrow minima into wide ones.",
    "Heusel et al. 2017, section 2",
    experiment,
)
