"""AdEMAMix, as a formula."""

from __future__ import annotations

from onepass.arrays import Array
from onepass.reference.formulas.adam import average, denominator
from onepass.reference.formulas.elementwise import decay
from onepass.reference.kernels.scalar_math import exp, log, power


def _memory(beta: float) -> float:
    """After how many steps an average has forgotten all but 1/e: the warm-up of beta3 is linear in it."""
    return 0.0 if beta < 1e-300 else -1 / log(beta)


def _warmed_up(beta1: float, beta3: float, share: float) -> float:
    memory = (1 - share) * _memory(beta1) + share * _memory(beta3)
    return exp(-1 / memory) if memory > 0 else 0.0


def ademamix_(
    p: Array,
    g: Array,
    exp_avg: Array,
    exp_avg_sq: Array,
    exp_avg_slow: Array,
    *,
    step: int,
    lr: float,
    betas: tuple[float, float, float],
    alpha: float,
    beta3_warmup: float,
    alpha_warmup: float,
    eps: float,
    weight_decay: float,
) -> Array:
    f = p.dtype.type
    beta1, beta2, beta3 = betas
    if step < alpha_warmup:
        alpha *= step / alpha_warmup
    if step < beta3_warmup:
        beta3 = _warmed_up(beta1, beta3, step / beta3_warmup)
    average(g, exp_avg, exp_avg_sq, (beta1, beta2))
    exp_avg_slow[...] = f(beta3) * exp_avg_slow + f(1 - beta3) * g
    mixed: Array = f(lr / (1 - power(beta1, step))) * exp_avg + f(lr * alpha) * exp_avg_slow
    return decay(p, lr, weight_decay) + mixed / denominator(exp_avg_sq, step, beta2, eps)
