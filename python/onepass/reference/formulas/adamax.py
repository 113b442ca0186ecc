"""Adamax, as a formula."""

from __future__ import annotations

import numpy as np

from onepass.arrays import Array
from onepass.reference.formulas.elementwise import maximum
from onepass.reference.kernels.scalar_math import power


def adamax_(
    p: Array,
    g: Array,
    exp_avg: Array,
    exp_inf: Array,
    *,
    step: int,
    lr: float,
    betas: tuple[float, float],
    eps: float,
    weight_decay: float,
) -> Array:
    m, u, f = exp_avg, exp_inf, p.dtype.type
    g = g + f(weight_decay) * p
    m[...] = f(betas[0]) * m + f(1 - betas[0]) * g
    u[...] = maximum(f(betas[1]) * u, np.abs(g) + f(eps))
    descent: Array = f(lr / (1 - power(betas[0], step))) * (m / u)
    return descent
