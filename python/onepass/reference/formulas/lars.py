"""LARS, as a formula."""

from __future__ import annotations

import math

from onepass.arrays import Array
from onepass.reference.kernels.stages import Staged


def lars_(
    p: Array,
    g: Array,
    momentum_buffer: Array,
    *,
    step: int,
    lr: float,
    momentum: float,
    weight_decay: float,
    trust_coefficient: float,
) -> Staged:
    b, f = momentum_buffer, p.dtype.type
    p_norm, g_norm = (math.sqrt(squares) for squares in (yield [(p, p), (g, g)]))
    norms = g_norm + weight_decay * p_norm
    ratio = trust_coefficient * p_norm / norms if p_norm > 0 and norms > 0 else 1.0
    g = g + f(weight_decay) * p
    b[...] = f(momentum) * b + f(ratio) * g
    descent: Array = f(lr) * b
    return descent
