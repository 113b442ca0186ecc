"""ASGD, as a formula."""

from __future__ import annotations

from onepass.arrays import Array
from onepass.reference.kernels.scalar_math import real_power


def asgd_(
    p: Array,
    g: Array,
    ax: Array,
    *,
    step: int,
    lr: float,
    lambd: float,
    alpha: float,
    t0: float,
    weight_decay: float,
    eta: Array,
) -> Array:
    f = p.dtype.type
    now = eta.item()
    eta[...] = lr / real_power(1 + lambd * lr * step, alpha)
    averaged = step - 1 - t0
    fresh = 1 / averaged if averaged > 1 else 1.0
    g = g + f(weight_decay) * p
    descent: Array = f(lambd * now) * p + f(now) * g
    ax[...] = f(1 - fresh) * ax + f(fresh) * (p - descent)
    return descent
