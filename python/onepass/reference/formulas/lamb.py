"""LAMB, as a formula."""

from __future__ import annotations

import math

import numpy as np

from onepass.arrays import Array
from onepass.reference.kernels.scalar_math import power
from onepass.reference.kernels.stages import Staged


def lamb_(
    p: Array,
    g: Array,
    exp_avg: Array,
    exp_avg_sq: Array,
    *,
    step: int,
    lr: float,
    betas: tuple[float, float],
    eps: float,
    weight_decay: float,
) -> Staged:
    m, v, f = exp_avg, exp_avg_sq, p.dtype.type

    def direction() -> Array:
        denominator = np.sqrt(v) * f(1 / math.sqrt(1 - power(betas[1], step))) + f(eps)
        u: Array = f(1 / (1 - power(betas[0], step))) * m / denominator + f(weight_decay) * p
        return u

    m[...] = f(betas[0]) * m + f(1 - betas[0]) * g
    v[...] = f(betas[1]) * v + f(1 - betas[1]) * (g * g)
    u = direction()
    p_squares, u_squares = yield [(p, p), (u, u)]
    ratio = math.sqrt(p_squares / u_squares) if p_squares > 0 and u_squares > 0 else 1.0
    descent: Array = f(lr * ratio) * direction()
    return descent
