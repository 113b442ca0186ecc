"""MARS, as a formula."""

from __future__ import annotations

import math
from typing import Any

from onepass.arrays import Array
from onepass.reference.formulas.adam import Betas, adamw_
from onepass.reference.kernels.stages import Staged


def mars_(
    p: Array,
    g: Array,
    exp_avg: Array,
    exp_avg_sq: Array,
    previous_grad: Array,
    *,
    betas: Betas,
    gamma: float,
    **rest: Any,
) -> Staged:
    f, correction = p.dtype.type, gamma * (betas[0] / (1 - betas[0]))
    corrected = g + f(correction) * (g - previous_grad)
    (squares,) = yield [(corrected, corrected)]
    shrink = 1 / math.sqrt(squares) if squares > 1 and correction > 0 else 1.0
    previous_grad[...] = g
    return adamw_(p, f(shrink) * corrected, exp_avg, exp_avg_sq, betas=betas, **rest)
