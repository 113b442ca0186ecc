"""Adam, AdamW and AMSGrad, as formulas."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from onepass.arrays import Array
from onepass.reference.formulas.cautious import Update, cautious, cautious_decay
from onepass.reference.formulas.elementwise import decay, maximum
from onepass.reference.kernels.scalar_math import power
from onepass.reference.kernels.stages import Staged

Betas = tuple[float, float]


def average(g: Array, m: Array, v: Array, betas: Betas) -> None:
    f = g.dtype.type
    m[...] = f(betas[0]) * m + f(1 - betas[0]) * g
    v[...] = f(betas[1]) * v + f(1 - betas[1]) * (g * g)


def denominator(v: Array, step: int, beta2: float, eps: float) -> Array:
    f = v.dtype.type
    root: Array = np.sqrt(v) * f(1 / math.sqrt(1 - power(beta2, step))) + f(eps)
    return root


def descent(m: Array, v: Array, step: int, lr: float, betas: Betas, eps: float) -> Array:
    step_size = m.dtype.type(lr / (1 - power(betas[0], step)))
    taken: Array = step_size * (m / denominator(v, step, betas[1], eps))
    return taken


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
    average(g, exp_avg, exp_avg_sq, betas)
    return descent(exp_avg, exp_avg_sq, step, lr, betas, eps)


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
    average(g, exp_avg, exp_avg_sq, betas)
    return decay(p, lr, weight_decay) + descent(exp_avg, exp_avg_sq, step, lr, betas, eps)


def _update(step: int, lr: float, betas: Betas, eps: float) -> Update:
    def update(g: Array, m: Array, v: Array) -> Array:
        average(g, m, v, betas)
        return descent(m, v, step, lr, betas, eps)

    return update


def adam_cautious_(
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
) -> Staged:
    g = g + p.dtype.type(weight_decay) * p
    return cautious(_update(step, lr, betas, eps), p, g, exp_avg, exp_avg_sq, decay=None)


def adamw_cautious_(
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
) -> Staged:
    update = _update(step, lr, betas, eps)
    return cautious(update, p, g, exp_avg, exp_avg_sq, decay=lambda _: decay(p, lr, weight_decay))


def adamw_cautious_decay_(
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
    taken = _update(step, lr, betas, eps)(g, exp_avg, exp_avg_sq)
    return cautious_decay(lr * weight_decay, p, taken) + taken


def adamw_cautious_all_(
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
) -> Staged:
    update = _update(step, lr, betas, eps)
    return cautious(update, p, g, exp_avg, exp_avg_sq, decay=lambda taken: cautious_decay(lr * weight_decay, p, taken))


def adam_without_momentum_(p: Array, g: Array, exp_avg_sq: Array, **rest: Any) -> Array:
    return adam_(p, g, np.zeros_like(p), exp_avg_sq, **rest)


def adamw_without_momentum_(p: Array, g: Array, exp_avg_sq: Array, **rest: Any) -> Array:
    return adamw_(p, g, np.zeros_like(p), exp_avg_sq, **rest)


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
    average(g, exp_avg, exp_avg_sq, betas)
    max_exp_avg_sq[...] = maximum(max_exp_avg_sq, exp_avg_sq)
    return descent(exp_avg, max_exp_avg_sq, step, lr, betas, eps)


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
    average(g, exp_avg, exp_avg_sq, betas)
    max_exp_avg_sq[...] = maximum(max_exp_avg_sq, exp_avg_sq)
    return decay(p, lr, weight_decay) + descent(exp_avg, max_exp_avg_sq, step, lr, betas, eps)
