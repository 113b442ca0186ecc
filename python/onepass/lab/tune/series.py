"""What is forecast? A chaotic series that the package makes itself: the Mackey-Glass equation, measured with noise."""

from __future__ import annotations

import numpy as np

from onepass.arrays import Array

#: The equation's delay, the step of its integration, and what lies between two measurements, in units of time.
DELAY, STEP, EVERY = 17.0, 0.5, 7.0

#: The standard deviation of the noise; no forecast can be expected to have a smaller root mean square error.
NOISE = 0.02

#: Measurements that are left out at the start, where the series still depends on how it began.
WARM_UP = 100


def mackey_glass(length: int, seed: int = 0) -> Array:
    r"""Integrate by the Runge-Kutta method of fourth order, and add normal noise.

    .. math::
        \dot x(t) = \frac{0.2\, x(t - 17)}{1 + x(t - 17)^{10}} - 0.1\, x(t)

    The integration has only sums, products and quotients, so the chaos starts from the same bits on every machine.

    Args:
        length: how many measurements, 7 units of time apart.
        seed: decides the constant before the start, in [0.5, 1.5), and the noise.

    Reference:
        Mackey and Glass, Oscillation and chaos in physiological control systems, Science 197, 1977, eq. 4b.
    """
    rng = np.random.default_rng(seed)
    lag, stride = round(DELAY / STEP), round(EVERY / STEP)
    path = [float(rng.uniform(0.5, 1.5))] * (lag + 1)
    for _ in range((WARM_UP + length) * stride):
        path.append(_advance(path[-1], path[-1 - lag], path[-lag]))
    return np.array(path[-length * stride :: stride]) + rng.normal(0, NOISE, length)


def _advance(x: float, delayed: float, delayed_after: float) -> float:
    """One step of the integration, with the delayed values at its start and at its end."""
    midway = (delayed + delayed_after) / 2
    first = _slope(x, delayed)
    second = _slope(x + STEP / 2 * first, midway)
    third = _slope(x + STEP / 2 * second, midway)
    fourth = _slope(x + STEP * third, delayed_after)
    return x + STEP / 6 * (first + 2 * second + 2 * third + fourth)


def _slope(x: float, delayed: float) -> float:
    square = delayed * delayed
    fourth = square * square
    return 0.2 * delayed / (1 + fourth * fourth * square) - 0.1 * x
