"""Adafactor, as a formula."""

from __future__ import annotations

import math

import numpy as np

from onepass.arrays import Array
from onepass.reference.formulas.elementwise import decay, minimum
from onepass.reference.kernels.factors import Factored
from onepass.reference.kernels.scalar_math import real_power
from onepass.reference.kernels.stages import Staged


def adafactor_(
    p: Array,
    g: Array,
    row_var: Array | None,
    col_var: Array,
    *,
    step: int,
    lr: float,
    beta2_decay: float,
    eps: tuple[float | None, float],
    d: float,
    weight_decay: float,
) -> Staged:
    f = p.dtype.type
    eps1 = float(np.finfo(p.dtype).eps) if eps[0] is None else eps[0]
    fresh = real_power(float(step), beta2_decay)

    matrices = Factored(g, row_var, col_var)
    matrices.renew(lambda old, mean: (1 - fresh) * old + fresh * mean)
    rows, columns = matrices.spread(lambda mean: max(mean, eps1), lambda moment: 1 / np.sqrt(moment))
    largest = f(1 / eps1 if eps1 else math.inf)

    def update() -> Array:
        u: Array = g * minimum(rows * columns, largest)
        return u

    u = update()
    p_squares, u_squares = yield [(p, p), (u, u)]
    size = max(p.size, 1)
    p_size, length = math.sqrt(p_squares / size), math.sqrt(u_squares / size) / d
    step_size = min(lr, 1 / math.sqrt(step)) * max(eps[1], p_size)
    descent: Array = decay(p, lr, weight_decay) + f(step_size / length if length > 1 else step_size) * update()
    return descent
