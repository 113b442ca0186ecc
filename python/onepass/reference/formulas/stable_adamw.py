"""StableAdamW, as a formula."""

from __future__ import annotations

import numpy as np

from onepass.arrays import Array
from onepass.reference.formulas.elementwise import maximum
from onepass.reference.kernels.scalar_math import power
from onepass.reference.kernels.stages import Staged


def _fresh(beta: float, step: int) -> float:
    """The part of an average that is new, such that it needs no correction for its start."""
    return (1 - beta) / (1 - power(beta, step))


def stableadamw_(
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
    fresh1, fresh2 = (_fresh(beta, step) for beta in betas)
    m[...] = f(1 - fresh1) * m + f(fresh1) * g
    v[...] = f(1 - fresh2) * v + f(fresh2) * (g * g)
    (ratios,) = yield [(g * g / maximum(v, np.full_like(v, eps * eps)), np.ones_like(g))]
    excess = float(np.sqrt(np.float64(ratios) / p.size))
    lower = excess if excess > 1 else 1.0
    descent: Array = f(lr * weight_decay / lower) * p + f(lr / lower) * (m / (np.sqrt(v) + f(eps)))
    return descent
