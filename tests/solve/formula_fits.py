"""Which fits of measurements have not been looked at yet? Curves of chemistry, biology and astronomy, by a seed each.

Data are made from a formula with drawn parameters and noise, so that every seed is a set of its own: what was tuned on
the problems of others is judged here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from more_garbow_hillstrom import Problem
from numpy import cos, exp, sin, sqrt

from onepass.arrays import Array
from onepass.solve import least_squares

#: The noise, beside the range of a curve, and the step of the complex derivatives.
NOISE, TINY_STEP = 0.01, 1e-200


class Formula(NamedTuple):
    """A curve of its parameters at t, analytic in them, and the ranges that these are drawn from."""

    curve: Callable[..., Any]
    t: Array
    ranges: tuple[tuple[float, float], ...]


def radial_velocity(t: Array, k: Any, period: Any, c: Any, s: Any, phase: Any, mean: Any) -> Any:
    """Of a star with a companion by Kepler: eccentricity times cosine and sine of the periapsis are c and s."""
    e = sqrt(c * c + s * s)
    m = 2 * np.pi * t / period + phase
    m = m - 2 * np.pi * np.round(np.real(m) / (2 * np.pi))
    anomaly = m + 0.85 * e * np.sign(sin(np.real(m)))
    for _ in range(40):
        anomaly = anomaly - (anomaly - e * sin(anomaly) - m) / (1 - e * cos(anomaly))
    below = 1 - e * cos(anomaly)
    cosine, sine = (cos(anomaly) - e) / below, sqrt(1 - e * e) * sin(anomaly) / below
    return k * ((cosine * c - sine * s) / e + c) + mean


def logistic(u: Any) -> Any:
    """1 / (1 + exp(-u)), whose derivatives do not overflow."""
    return 0.5 * (1 + np.tanh(0.5 * u))


def peak(t: Array, height: Any, place: Any, width: Any) -> Any:
    """Gauss's."""
    return height * exp(-0.5 * ((t - place) / width) ** 2)


FORMULAS: dict[str, Formula] = {
    "Michaelis-Menten": Formula(lambda t, v, k: v * t / (k + t), np.geomspace(0.05, 20, 12), ((1, 9), (0.3, 3))),
    "inhibition by substrate": Formula(
        lambda t, v, k, i: v * t / (k + t + t * t / i), np.geomspace(0.05, 50, 16), ((2, 9), (0.3, 2), (3, 20))
    ),
    "dose and response": Formula(
        lambda t, low, high, middle, slope: low + (high - low) * logistic(slope * (t - middle)),
        np.linspace(-4, 4, 18),
        ((0, 0.3), (0.8, 2), (-1, 1), (0.7, 3)),
    ),
    "logistic growth": Formula(
        lambda t, size, rate, middle: size * logistic(rate * (t - middle)),
        np.linspace(0, 12, 20),
        ((50, 500), (0.4, 1.5), (3, 9)),
    ),
    "Gompertz growth": Formula(
        lambda t, size, delay, rate: size * exp(-delay * exp(-rate * t)),
        np.linspace(0, 12, 20),
        ((5, 50), (2, 9), (0.2, 1)),
    ),
    "two exponentials": Formula(
        lambda t, a, b, c, d: a * exp(-b * t) + c * exp(-d * t),
        np.linspace(0, 10, 40),
        ((1, 5), (0.1, 0.4), (1, 5), (1, 4)),
    ),
    "three exponentials": Formula(
        lambda t, a, b, c, d, e, f: a * exp(-b * t) + c * exp(-d * t) + e * exp(-f * t),
        np.linspace(0, 20, 80),
        ((1, 5), (0.02, 0.1), (1, 5), (0.3, 0.8), (1, 5), (2, 5)),
    ),
    "absorption and elimination": Formula(
        lambda t, size, into, out: size * into / (into - out) * (exp(-out * t) - exp(-into * t)),
        np.linspace(0.25, 24, 16),
        ((2, 20), (0.7, 2), (0.05, 0.3)),
    ),
    "damped oscillation": Formula(
        lambda t, a, b, w, p, c: a * exp(-b * t) * cos(w * t + p) + c,
        np.linspace(0, 10, 60),
        ((1, 4), (0.1, 0.5), (1, 3), (-1, 1), (-1, 1)),
    ),
    "Morse's potential": Formula(
        lambda t, depth, a, place, c: depth * (1 - exp(-a * (t - place))) ** 2 + c,
        np.linspace(0.8, 4, 24),
        ((1, 6), (0.7, 2), (1, 1.6), (-2, 2)),
    ),
    "two peaks": Formula(
        lambda t, a, m, s, b, n, r, c: peak(t, a, m, s) + peak(t, b, n, r) + c,
        np.linspace(0, 10, 70),
        ((2, 9), (2, 4), (0.3, 0.9), (2, 9), (5, 8), (0.3, 0.9), (0, 1)),
    ),
    "orbit": Formula(
        radial_velocity,
        np.sort(np.random.default_rng(7).uniform(0, 60, 40)),
        ((10, 90), (9, 15), (-0.4, 0.4), (-0.4, 0.4), (-2, 2), (-20, 20)),
    ),
}


def problem_of(formula: Formula, true: Array, random: np.random.Generator) -> Problem:
    """Data from these parameters with noise. They are the start, and next to them is the known minimum."""
    clean = np.asarray(formula.curve(formula.t, *true))
    data = clean + NOISE * np.ptp(clean) * random.standard_normal(clean.size)

    def residual(x: Array) -> Array:
        return np.asarray(formula.curve(formula.t, *x) - data)

    def jacobian(x: Array) -> Array:
        columns = [formula.curve(formula.t, *(x + 1j * TINY_STEP * unit)).imag / TINY_STEP for unit in np.eye(x.size)]
        return np.stack(columns, axis=1)

    fit = least_squares(residual, true, jacobian)
    return Problem(0, residual, jacobian, true, (2 * fit.cost,))


def fits(seed: int, draws: int = 2) -> list[tuple[Problem, Array]]:
    """The formulas with so many drawn parameters each, and six starts for each of these: from near to absurd."""
    random = np.random.default_rng(seed)
    cases = []
    for formula in FORMULAS.values():
        low, high = np.transpose(formula.ranges)
        for _ in range(draws):
            true = random.uniform(low, high)
            problem = problem_of(formula, true, random)
            spread = 1 + np.abs(true)
            starts = [
                true * exp(0.3 * random.standard_normal(true.size)),
                true * exp(1.5 * random.standard_normal(true.size)),
                true + spread * random.standard_normal(true.size),
                true + 5 * spread * random.standard_normal(true.size),
                10 * true,
                np.ones(true.size),
            ]
            cases += [(problem, start) for start in starts]
    return cases
