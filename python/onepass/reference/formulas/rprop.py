"""Rprop, as a formula."""

from __future__ import annotations

import numpy as np

from onepass.arrays import Array
from onepass.reference.formulas.elementwise import maximum, minimum, sign


def rprop_(
    p: Array,
    g: Array,
    prev: Array,
    step_size: Array,
    *,
    step: int,
    etas: tuple[float, float],
    step_sizes: tuple[float, float],
) -> Array:
    f = p.dtype.type
    agreement = g * prev
    factor = np.where(agreement > 0, f(etas[1]), np.where(agreement < 0, f(etas[0]), f(1)))
    step_size[...] = minimum(maximum(step_size * factor, f(step_sizes[0])), f(step_sizes[1]))
    prev[...] = np.where(agreement < 0, f(0), g)
    return step_size * sign(prev)
