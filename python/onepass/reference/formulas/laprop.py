"""LaProp, as a formula."""

from __future__ import annotations

from onepass.arrays import Array
from onepass.reference.formulas.adam import Betas, denominator
from onepass.reference.formulas.elementwise import decay
from onepass.reference.kernels.scalar_math import power


def laprop_(
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
    v[...] = f(betas[1]) * v + f(1 - betas[1]) * (g * g)
    m[...] = f(betas[0]) * m + f(1 - betas[0]) * (g / denominator(v, step, betas[1], eps))
    descent: Array = f(lr / (1 - power(betas[0], step))) * m
    return decay(p, lr, weight_decay) + descent
