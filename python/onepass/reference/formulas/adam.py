"""Adam, AdamW and AMSGrad, as formulas."""

from __future__ import annotations

import math

import numpy as np

from onepass.arrays import Array
from onepass.reference.formulas.elementwise import decay, maximum
from onepass.reference.kernels.scalar_math import power

Betas = tuple[float, float]


def _average(g: Array, m: Array, v: Array, betas: Betas) -> None:
    f = g.dtype.type
    m[...] = f(betas[0]) * m + f(1 - betas[0]) * g
    v[...] = f(betas[1]) * v + f(1 - betas[1]) * (g * g)


def _descent(m: Array, v: Array, step: int, lr: float, betas: Betas, eps: float) -> Array:
    f = m.dtype.type
    denominator = np.sqrt(v) * f(1 / math.sqrt(1 - power(betas[1], step))) + f(eps)
    descent: Array = f(lr / (1 - power(betas[0], step))) * (m / denominator)
    return descent


def adam_(
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
    g = g + p.dtype.type(weight_decay) * p
    _average(g, exp_avg, exp_avg_sq, betas)
    return _descent(exp_avg, exp_avg_sq, step, lr, betas, eps)


def adamw_(
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
    _average(g, exp_avg, exp_avg_sq, betas)
    return decay(p, lr, weight_decay) + _descent(exp_avg, exp_avg_sq, step, lr, betas, eps)


def amsgrad_(
    p: Array,
    g: Array,
    exp_avg: Array,
    exp_avg_sq: Array,
    max_exp_avg_sq: Array,
    *,
    step: int,
    lr: float,
    betas: Betas,
    eps: float,
    weight_decay: float,
) -> Array:
    g = g + p.dtype.type(weight_decay) * p
    _average(g, exp_avg, exp_avg_sq, betas)
    max_exp_avg_sq[...] = maximum(max_exp_avg_sq, exp_avg_sq)
    return _descent(exp_avg, max_exp_avg_sq, step, lr, betas, eps)


def amsgradw_(
    p: Array,
    g: Array,
    exp_avg: Array,
    exp_avg_sq: Array,
    max_exp_avg_sq: Array,
    *,
    step: int,
    lr: float,
    betas: Betas,
    eps: float,
    weight_decay: float,
) -> Array:
    _average(g, exp_avg, exp_avg_sq, betas)
    max_exp_avg_sq[...] = maximum(max_exp_avg_sq, exp_avg_sq)
    return decay(p, lr, weight_decay) + _descent(exp_avg, max_exp_avg_sq, step, lr, betas, eps)
