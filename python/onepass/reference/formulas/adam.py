"""Adam, AdamW and AMSGrad, as formulas."""

from __future__ import annotations

import math

import numpy as np

from onepass.arrays import Array
from onepass.reference.formulas.elementwise import maximum
from onepass.reference.kernels.scalar_math import power

Betas = tuple[float, float]


def _average(g: Array, m: Array, v: Array, betas: Betas) -> None:
    f = g.dtype.type
    m[...] = f(betas[0]) * m + f(1 - betas[0]) * g
    v[...] = f(betas[1]) * v + f(1 - betas[1]) * (g * g)


def _descend(p: Array, m: Array, v: Array, step: int, lr: float, betas: Betas, eps: float) -> None:
    f = p.dtype.type
    denominator = np.sqrt(v) * f(1 / math.sqrt(1 - power(betas[1], step))) + f(eps)
    p[...] = p - f(lr / (1 - power(betas[0], step))) * (m / denominator)


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
) -> None:
    g = g + p.dtype.type(weight_decay) * p
    _average(g, exp_avg, exp_avg_sq, betas)
    _descend(p, exp_avg, exp_avg_sq, step, lr, betas, eps)


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
) -> None:
    p[...] = p.dtype.type(1 - lr * weight_decay) * p
    _average(g, exp_avg, exp_avg_sq, betas)
    _descend(p, exp_avg, exp_avg_sq, step, lr, betas, eps)


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
) -> None:
    g = g + p.dtype.type(weight_decay) * p
    _average(g, exp_avg, exp_avg_sq, betas)
    max_exp_avg_sq[...] = maximum(max_exp_avg_sq, exp_avg_sq)
    _descend(p, exp_avg, max_exp_avg_sq, step, lr, betas, eps)


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
) -> None:
    p[...] = p.dtype.type(1 - lr * weight_decay) * p
    _average(g, exp_avg, exp_avg_sq, betas)
    max_exp_avg_sq[...] = maximum(max_exp_avg_sq, exp_avg_sq)
    _descend(p, exp_avg, max_exp_avg_sq, step, lr, betas, eps)
