"""RAdam, as formulas."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from onepass.arrays import Array
from onepass.reference.formulas.elementwise import decay
from onepass.reference.kernels.scalar_math import power


def _rectified_adam(
    g: Array, m: Array, v: Array, *, step: int, lr: float, betas: tuple[float, float], eps: float
) -> Array:
    f = g.dtype.type
    beta1, beta2 = betas
    m[...] = f(beta1) * m + f(1 - beta1) * g
    v[...] = f(beta2) * v + f(1 - beta2) * (g * g)
    beta2_t = power(beta2, step)
    rho_inf = 2 / (1 - beta2) - 1
    rho = rho_inf - 2 * step * beta2_t / (1 - beta2_t)
    step_size = lr / (1 - power(beta1, step))
    denominator: Any = f(1)
    if rho > 5:
        rectification = math.sqrt((rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho))
        step_size = step_size * rectification * math.sqrt(1 - beta2_t)
        denominator = np.sqrt(v) + f(eps)
    descent: Array = f(step_size) * (m / denominator)
    return descent


def radam_(p: Array, g: Array, exp_avg: Array, exp_avg_sq: Array, *, weight_decay: float, **rest: Any) -> Array:
    g = g + p.dtype.type(weight_decay) * p
    return _rectified_adam(g, exp_avg, exp_avg_sq, **rest)


def radamw_(
    p: Array, g: Array, exp_avg: Array, exp_avg_sq: Array, *, lr: float, weight_decay: float, **rest: Any
) -> Array:
    return decay(p, lr, weight_decay) + _rectified_adam(g, exp_avg, exp_avg_sq, lr=lr, **rest)
