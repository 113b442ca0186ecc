"""NovoGrad, as a formula."""

from __future__ import annotations

import numpy as np

from onepass.arrays import Array
from onepass.reference.kernels.stages import Staged


def novograd_(
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
    m, f = exp_avg, p.dtype.type
    (g_squares,) = yield [(g, g)]
    kept = 0.0 if step == 1 else betas[1]
    exp_avg_sq[...] = kept * exp_avg_sq + (1 - kept) * g_squares
    inverse = 1 / (np.sqrt(exp_avg_sq) + eps)
    m[...] = f(betas[0]) * m + (f(inverse) * g + f(weight_decay) * p)
    descent: Array = f(lr) * m
    return descent
