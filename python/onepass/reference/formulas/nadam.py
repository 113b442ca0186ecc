"""NAdam, as formulas."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from onepass.arrays import Array
from onepass.reference.kernels.scalar_math import power, real_power


def _nesterov_adam(
    p: Array,
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
) -> None:
    f = p.dtype.type
    beta1, beta2 = betas
    mu, mu_next = (beta1 * (1 - 0.5 * real_power(0.96, t * momentum_decay)) for t in (step, step + 1))
    mu_product *= mu
    product = mu_product.item()
    m[...] = f(beta1) * m + f(1 - beta1) * g
    v[...] = f(beta2) * v + f(1 - beta2) * (g * g)
    grad_size, momentum_size = lr * (1 - mu) / (1 - product), lr * mu_next / (1 - product * mu_next)
    denominator = np.sqrt(v) * f(1 / math.sqrt(1 - power(beta2, step))) + f(eps)
    p[...] = p - (f(grad_size) * g + f(momentum_size) * m) / denominator


def nadam_(p: Array, g: Array, exp_avg: Array, exp_avg_sq: Array, *, weight_decay: float, **rest: Any) -> None:
    g = g + p.dtype.type(weight_decay) * p
    _nesterov_adam(p, g, exp_avg, exp_avg_sq, **rest)


def nadamw_(
    p: Array, g: Array, exp_avg: Array, exp_avg_sq: Array, *, lr: float, weight_decay: float, **rest: Any
) -> None:
    p[...] = p.dtype.type(1 - lr * weight_decay) * p
    _nesterov_adam(p, g, exp_avg, exp_avg_sq, lr=lr, **rest)
