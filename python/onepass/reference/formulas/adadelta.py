"""Adadelta, as a formula."""

from __future__ import annotations

import numpy as np

from onepass.arrays import Array


def adadelta_(
    p: Array,
    g: Array,
    square_avg: Array,
    acc_delta: Array,
    *,
    step: int,
    lr: float,
    rho: float,
    eps: float,
    weight_decay: float,
) -> Array:
    v, u, f = square_avg, acc_delta, p.dtype.type
    g = g + f(weight_decay) * p
    v[...] = f(rho) * v + f(1 - rho) * (g * g)
    delta = np.sqrt((u + f(eps)) / (v + f(eps))) * g
    u[...] = f(rho) * u + f(1 - rho) * (delta * delta)
    descent: Array = f(lr) * delta
    return descent
