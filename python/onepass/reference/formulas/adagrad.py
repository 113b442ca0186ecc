"""Adagrad, as a formula."""

from __future__ import annotations

import numpy as np

from onepass.arrays import Array


def adagrad_(
    p: Array, g: Array, sum: Array, *, step: int, lr: float, lr_decay: float, weight_decay: float, eps: float
) -> Array:
    f = p.dtype.type
    g = g + f(weight_decay) * p
    sum[...] = sum + g * g
    descent: Array = f(lr / (1 + (step - 1) * lr_decay)) * (g / (np.sqrt(sum) + f(eps)))
    return descent
