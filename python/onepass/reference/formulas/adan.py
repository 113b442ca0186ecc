"""Adan, as a formula."""

from __future__ import annotations

from onepass.arrays import Array
from onepass.reference.formulas.adam import denominator
from onepass.reference.kernels.scalar_math import power


def adan_(
    p: Array,
    g: Array,
    exp_avg: Array,
    exp_avg_sq: Array,
    exp_avg_diff: Array,
    previous_grad: Array,
    *,
    step: int,
    lr: float,
    betas: tuple[float, float, float],
    eps: float,
    weight_decay: float,
) -> Array:
    m, v, d, f = exp_avg, exp_avg_sq, exp_avg_diff, p.dtype.type
    beta1, beta2, beta3 = betas
    shrunk = 1 / (1 + lr * weight_decay)
    follows = 1.0 if step > 1 else 0.0
    change = g - previous_grad
    look = g + f(follows * beta2) * change
    m[...] = f(beta1) * m + f(1 - beta1) * g
    d[...] = f(beta2) * d + f(follows * (1 - beta2)) * change
    v[...] = f(beta3) * v + f(1 - beta3) * (look * look)
    previous_grad[...] = g
    grad_size, diff_size = shrunk * lr / (1 - power(beta1, step)), shrunk * lr * beta2 / (1 - power(beta2, step))
    descent: Array = (f(grad_size) * m + f(diff_size) * d) / denominator(v, step, beta3, eps)
    decay: Array = f(lr * weight_decay * shrunk) * p
    return decay + descent
