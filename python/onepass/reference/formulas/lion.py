"""Lion, as a formula."""

from __future__ import annotations

from onepass.arrays import Array
from onepass.reference.formulas.elementwise import decay, sign


def lion_(
    p: Array, g: Array, exp_avg: Array, *, step: int, lr: float, betas: tuple[float, float], weight_decay: float
) -> Array:
    (beta1, beta2), m, f = betas, exp_avg, p.dtype.type
    update = f(lr) * sign(f(beta1) * m + f(1 - beta1) * g)
    m[...] = f(beta2) * m + f(1 - beta2) * g
    descent: Array = decay(p, lr, weight_decay) + update
    return descent
