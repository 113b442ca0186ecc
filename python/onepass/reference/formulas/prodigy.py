"""Prodigy, as a formula."""

from __future__ import annotations

import math

import numpy as np

from onepass.arrays import Array
from onepass.reference.kernels.scalar_math import power
from onepass.reference.kernels.stages import Staged


def prodigy_(
    p: Array,
    g: Array,
    exp_avg: Array,
    exp_avg_sq: Array,
    s: Array,
    p0: Array,
    *,
    d: Array,
    d_max: Array,
    d_numerator: Array,
    step: int,
    lr: float,
    betas: tuple[float, float],
    beta3: float | None,
    eps: float,
    weight_decay: float,
    use_bias_correction: bool,
    safeguard_warmup: bool,
    d0: float,
    d_coef: float,
    growth_rate: float,
) -> Staged:
    m, v, f, before = exp_avg, exp_avg_sq, p.dtype.type, float(d)
    beta3 = math.sqrt(betas[1]) if beta3 is None else beta3
    step_size = before * lr
    if use_bias_correction:
        step_size *= math.sqrt(1 - power(betas[1], step)) / (1 - power(betas[0], step))
    of_start = before / d0

    if step == 1:
        p0[...] = p
    m[...] = f(betas[0]) * m + f(before * (1 - betas[0])) * g
    v[...] = f(betas[1]) * v + f(before * before * (1 - betas[1])) * (g * g)
    s[...] = f(beta3) * s + f(of_start * (before if safeguard_warmup else step_size)) * g
    along, length = yield [(f(of_start * step_size) * g, p0 - p), (np.abs(s), np.ones_like(s))]

    if length:
        numerator = beta3 * float(d_numerator) + along
        estimate = d_coef * numerator / length
        if math.isfinite(estimate):
            d_numerator[...] = numerator
            if before == d0:
                d[...] = max(before, estimate)
            d_max[...] = max(float(d_max), estimate)
            d[...] = min(float(d_max), float(d) * growth_rate)
    else:
        step_size = 0.0
    descent: Array = f(step_size * weight_decay) * p + f(step_size) * (m / (np.sqrt(v) + f(eps * float(d))))
    return descent
