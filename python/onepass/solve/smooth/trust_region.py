"""How far is the quadratic model trusted? In a ball that grows and shrinks; its minimizer is Steihaug's."""

from __future__ import annotations

import math

import numpy as np

from onepass.arrays import Array
from onepass.solve.kernels import combine, dots
from onepass.solve.result import OptimizeResult, Status
from onepass.solve.smooth.curvature import Curvature, Product
from onepass.solve.smooth.newton_cg import truncated
from onepass.solve.smooth.objective import Objective
from onepass.solve.smooth.watch import Watch

#: Below this share of the predicted decrease the ball shrinks, above the other one it grows, by these factors.
POOR, GOOD = 0.25, 0.75
SHRINK, GROW = 0.25, 2.0


def trust_ncg(
    objective: Objective,
    curvature: Curvature,
    x0: Array,
    watch: Watch,
    *,
    initial_trust_radius: float,
    max_trust_radius: float,
    eta: float,
) -> OptimizeResult:
    """Steps to the minimizer of a quadratic model in a ball (Nocedal and Wright 2006, algorithm 4.1).

    Args:
        initial_trust_radius, max_trust_radius: of the ball.
        eta: the share of the predicted decrease that a step must bring to be taken, in [0, 1/4).
    """
    x, trial_x = x0.copy(), np.empty_like(x0)
    g, trial_g = np.empty_like(x), np.empty_like(x)
    eps = float(np.finfo(x.dtype).eps)
    value, squared, status = watch.begin(x, g)
    product: Product | None = None
    radius = initial_trust_radius
    while status is None:
        if objective.left() <= 0:
            status = Status.MAX_EVALUATIONS
            break
        product = product or curvature.product(x, g)
        z, r, at_boundary = truncated(product, g, squared, radius)
        g_z, r_z, z_z = dots((g, r, z), z).tolist()
        x_x = dots((x,), x).item()
        predicted = -0.5 * (g_z + r_z)
        if not predicted > 0 or z_z <= (eps * eps / 16) * x_x:
            if not objective.refine(x, value, g):
                status = objective.stuck
                break
            squared = dots((g,), g).item()
            status = Status.GRADIENT if watch.is_stationary(x, g) else None
            continue
        combine(trial_x, 1.0, x, (1.0,), (z,))
        found = objective.value_and_gradient(trial_x, trial_g)
        trial_squared = dots((trial_g,), trial_g).item()
        finite = math.isfinite(found) and math.isfinite(trial_squared)
        noise = 10 * eps * abs(value)  # values that are equal but for rounding: the model is believed
        ratio = (value - found + noise) / (predicted + noise) if finite else -math.inf
        if ratio < POOR:
            radius = SHRINK * math.sqrt(z_z)
        elif ratio > GOOD and at_boundary:
            radius = min(GROW * radius, max_trust_radius)
        if ratio > eta:
            before, value, squared = value, found, trial_squared
            x, trial_x = trial_x, x
            g, trial_g = trial_g, g
            product = None
            status = watch.accept(x, before, value, g, trial_x)
    return watch.result(status, x, value, g, {})
