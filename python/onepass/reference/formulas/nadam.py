"""NAdam, as formulas."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from onepass.arrays import Array
from onepass.reference.formulas.elementwise import decay
from onepass.reference.kernels.scalar_math import power, real_power


def _nesterov_adam(
    g: Array,
    m: Array,
    v: Array,
    *,
    step: int,
    lr: float,
    betas: tuple[float, float],
    eps: float,
    momentum_decay: float,
    mu_product: Array,
) -> Array:
    f = g.dtype.type
    beta1, beta2 = betas
    mu, mu_next = (beta1 * (1 - 0.5 * real_power(0.96, t * momentum_decay)) for t in (step, step + 1))
    mu_product *= mu
    product = mu_product.item()
    m[...] = f(beta1) * m + f(1 - beta1) * g
    v[...] = f(beta2) * v + f(1 - beta2) * (g * g)
    grad_size, momentum_size = lr * (1 - mu) / (1 - product), lr * mu_next / (1 - product * mu_next)
    denominator = np.sqrt(v) * f(1 / math.sqrt(1 - power(beta2, step))) + f(eps)
    descent: Array = (f(grad_size) * g + f(momentum_size) * m) / denominator
    return descent


def nadam_(p: Array, g: Array, exp_avg: Array, exp_avg_sq: Array, *, weight_decay: float, **rest: Any) -> Array:
    g = g + p.dtype.type(weight_decay) * p
    return _nesterov_adam(g, exp_avg, exp_avg_sq, **rest)


def nadamw_(
    p: Array, g: Array, exp_avg: Array, exp_avg_sq: Array, *, lr: float, weight_decay: float, **rest: Any
) -> Array:
    return decay(p, lr, weight_decay) + _nesterov_adam(g, exp_avg, exp_avg_sq, lr=lr, **rest)
