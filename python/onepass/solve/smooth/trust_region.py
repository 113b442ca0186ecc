"""How far is the quadratic model trusted? In a ball that grows and shrinks; each method has its own minimizer there."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from onepass.arrays import Array
from onepass.solve.kernels import combine, dots
from onepass.solve.result import OptimizeResult, Status
from onepass.solve.smooth.box import Hessian, Limits, place, step_within
from onepass.solve.smooth.objective import Objective
from onepass.solve.smooth.watch import Watch

#: Below this share of the predicted decrease the ball shrinks, above the other one it grows, by these factors.
POOR, GOOD = 0.25, 0.75
SHRINK, GROW = 0.25, 2.0
#: A step within bounds of this share of the radius is on the boundary of the ball.
AT_BOUNDARY = 0.99
#: An approximate minimizer z of g.z + z.H z / 2 in a ball, given H, g, its squared norm and the radius; the residual
#: g + H z; and whether z is on the boundary.
Ball = Callable[[Hessian, Array, float, float], tuple[Array, Array, bool]]


def trust_region(
    objective: Objective,
    hessian: Callable[[Array, Array], Hessian],
    x0: Array,
    watch: Watch,
    ball: Ball,
    limits: Limits | None,
    *,
    initial_trust_radius: float,
    max_trust_radius: float,
    eta: float,
) -> OptimizeResult:
    """Steps to the minimizer of a quadratic model in a ball (Nocedal and Wright 2006, algorithm 4.1).

    Args:
        hessian: what is known of it at x, where the gradient is g, as `ball` needs it.
        ball: the method's way to the minimizer.
        limits: lower and upper bounds, or None.
        initial_trust_radius, max_trust_radius: of the ball.
        eta: the share of the predicted decrease that a step must bring to be taken, in [0, 1/4).
    """
    x, trial_x = x0.copy() if limits is None else np.clip(x0, *limits), np.empty_like(x0)
    g, trial_g = np.empty_like(x), np.empty_like(x)
    eps = float(np.finfo(x.dtype).eps)
    value, squared, status = watch.begin(x, g)
    h: Hessian = None
    radius = initial_trust_radius
    while status is None:
        if objective.left() <= 0:
            status = Status.MAX_EVALUATIONS
            break
        h = hessian(x, g) if h is None else h
        if isinstance(h, np.ndarray) and not np.isfinite(h).all():
            status = Status.NONFINITE if watch.nit else Status.NONFINITE_START
            break
        if limits is None:
            z, r, at_boundary = ball(h, g, squared, radius)
        else:
            z, r = step_within(h, x, g, limits, lambda *model: ball(*model)[0], radius)
            at_boundary = math.sqrt(dots((z,), z).item()) >= AT_BOUNDARY * radius
        g_z, r_z, z_z = dots((g, r, z), z).tolist()
        x_x = dots((x,), x).item()
        predicted = -0.5 * (g_z + r_z)
        if not predicted > 0 or z_z <= (eps * eps / 16) * x_x:
            if not objective.refine(x, value, g):
                status = objective.stuck
                break
            squared, h = dots((g,), g).item(), None
            status = Status.GRADIENT if watch.is_stationary(x, g) else None
            continue
        combine(trial_x, 1.0, x, (1.0,), (z,))
        if limits is not None:
            place(trial_x, x, *limits)
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
            h = None
            status = watch.accept(x, before, value, g, trial_x)
    return watch.result(status, x, value, g, {})
