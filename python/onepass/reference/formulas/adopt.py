"""ADOPT, as a formula."""

from __future__ import annotations

import math

import numpy as np

from onepass.arrays import Array
from onepass.reference.formulas.elementwise import decay, maximum, minimum


def adopt_(
    p: Array,
    g: Array,
    exp_avg: Array,
    exp_avg_sq: Array,
    *,
    step: int,
    lr: float,
    betas: tuple[float, float],
    eps: float,
    weight_decay: float,
) -> Array:
    m, v, f = exp_avg, exp_avg_sq, p.dtype.type
    beta1, beta2 = betas
    limit = math.sqrt(math.sqrt(step - 1))
    if step == 1:
        beta2, eps, weight_decay = 0.0, 1.0, 0.0
    normed = g / maximum(np.sqrt(v), f(eps))
    m[...] = f(beta1) * m + f(1 - beta1) * minimum(maximum(normed, f(-limit)), f(limit))
    v[...] = f(beta2) * v + f(1 - beta2) * (g * g)
    descent: Array = f(lr) * m
    return decay(p, lr, weight_decay) + descent
