"""AdaBelief, as a formula."""

from __future__ import annotations

from onepass.arrays import Array
from onepass.reference.formulas.adam import Betas, descent
from onepass.reference.formulas.elementwise import decay


def adabelief_(
    p: Array,
    g: Array,
    exp_avg: Array,
    exp_avg_var: Array,
    *,
    step: int,
    lr: float,
    betas: Betas,
    eps: float,
    weight_decay: float,
) -> Array:
    m, s, f = exp_avg, exp_avg_var, p.dtype.type
    m[...] = f(betas[0]) * m + f(1 - betas[0]) * g
    surprise = g - m
    s[...] = f(betas[1]) * s + f(1 - betas[1]) * (surprise * surprise) + f(eps)
    return decay(p, lr, weight_decay) + descent(m, s, step, lr, betas, eps)
