"""Which element-wise functions do the formulas use beyond NumPy's operators? Those that need a word."""

from __future__ import annotations

import numpy as np

from onepass.arrays import Array


def decay(p: Array, lr: float, weight_decay: float) -> Array:
    """What decoupled decay takes from p. (Multiplying by 1 less it would round it to the places of 1.)"""
    taken: Array = p.dtype.type(lr * weight_decay) * p
    return taken


def maximum(a: Array, b: Array) -> Array:
    """The larger one; NaN if either is NaN."""
    return np.where(a != a, a, np.where(a > b, a, b))


def minimum(a: Array, b: Array) -> Array:
    """The smaller one; NaN if either is NaN."""
    return np.where(a != a, a, np.where(a < b, a, b))


def sign(x: Array) -> Array:
    """-1, +0 or 1; NaN for NaN."""
    one, zero = x.dtype.type(1), x.dtype.type(0)
    signs: Array = np.where(x > 0, one, np.where(x < 0, -one, x + zero))
    return signs
