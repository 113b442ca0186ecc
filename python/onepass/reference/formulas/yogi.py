"""Yogi, as a formula."""

from __future__ import annotations

import numpy as np

from onepass.arrays import Array
from onepass.reference.formulas.adam import Betas, descent
from onepass.reference.formulas.elementwise import decay, maximum


def yogi_(
    p: Array,
    g: Array,
    exp_avg: Array,
    exp_avg_sq: Array,
    *,
    step: int,
    lr: float,
    betas: Betas,
    eps: float,
    weight_decay: float,
) -> Array:
    m, v, f = exp_avg, exp_avg_sq, p.dtype.type
    m[...] = f(betas[0]) * m + f(1 - betas[0]) * g
    square = g * g
    change = f(1 - betas[1]) * square
    v[...] = np.where(v > square, v - change, np.where(v < square, v + change, maximum(v, square)))
    return decay(p, lr, weight_decay) + descent(m, v, step, lr, betas, eps)
