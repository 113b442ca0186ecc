"""MARS, as a formula."""

from __future__ import annotations

from typing import Any

from onepass.arrays import Array
from onepass.reference.formulas.adam import Betas, adamw_


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
) -> Array:
    corrected = g + p.dtype.type(gamma * (betas[0] / (1 - betas[0]))) * (g - previous_grad)
    previous_grad[...] = g
    return adamw_(p, corrected, exp_avg, exp_avg_sq, betas=betas, **rest)
