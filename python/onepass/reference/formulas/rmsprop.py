"""RMSprop, as formulas."""

from __future__ import annotations

import numpy as np

from onepass.arrays import Array
from onepass.reference.formulas.elementwise import maximum


def _scaled(g: Array, v: Array, alpha: float, eps: float) -> Array:
    f = g.dtype.type
    v[...] = f(alpha) * v + f(1 - alpha) * (g * g)
    scaled: Array = g / (np.sqrt(v) + f(eps))
    return scaled


def _scaled_centered(g: Array, v: Array, average: Array, alpha: float, eps: float) -> Array:
    f = g.dtype.type
    v[...] = f(alpha) * v + f(1 - alpha) * (g * g)
    average[...] = f(alpha) * average + f(1 - alpha) * g
    scaled: Array = g / (np.sqrt(maximum(v - average * average, np.zeros_like(v))) + f(eps))
    return scaled


def rmsprop_(
    p: Array, g: Array, square_avg: Array, *, step: int, lr: float, alpha: float, eps: float, weight_decay: float
) -> None:
    f = p.dtype.type
    g = g + f(weight_decay) * p
    p[...] = p - f(lr) * _scaled(g, square_avg, alpha, eps)


def rmsprop_momentum_(
    p: Array,
    g: Array,
    square_avg: Array,
    momentum_buffer: Array,
    *,
    step: int,
    lr: float,
    alpha: float,
    eps: float,
    weight_decay: float,
    momentum: float,
) -> None:
    b, f = momentum_buffer, p.dtype.type
    g = g + f(weight_decay) * p
    b[...] = f(momentum) * b + _scaled(g, square_avg, alpha, eps)
    p[...] = p - f(lr) * b


def rmsprop_centered_(
    p: Array,
    g: Array,
    square_avg: Array,
    grad_avg: Array,
    *,
    step: int,
    lr: float,
    alpha: float,
    eps: float,
    weight_decay: float,
) -> None:
    f = p.dtype.type
    g = g + f(weight_decay) * p
    p[...] = p - f(lr) * _scaled_centered(g, square_avg, grad_avg, alpha, eps)


def rmsprop_centered_momentum_(
    p: Array,
    g: Array,
    square_avg: Array,
    grad_avg: Array,
    momentum_buffer: Array,
    *,
    step: int,
    lr: float,
    alpha: float,
    eps: float,
    weight_decay: float,
    momentum: float,
) -> None:
    b, f = momentum_buffer, p.dtype.type
    g = g + f(weight_decay) * p
    b[...] = f(momentum) * b + _scaled_centered(g, square_avg, grad_avg, alpha, eps)
    p[...] = p - f(lr) * b
