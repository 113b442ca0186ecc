"""RMSprop, as formulas."""

from __future__ import annotations

import numpy as np

from onepass.arrays import Array


def _scaled(g: Array, v: Array, alpha: float, eps: float) -> Array:
    f = g.dtype.type
    v[...] = f(alpha) * v + f(1 - alpha) * (g * g)
    scaled: Array = g / (np.sqrt(v) + f(eps))
    return scaled


def _scaled_centered(g: Array, variance: Array, average: Array, alpha: float, eps: float) -> Array:
    f = g.dtype.type
    deviation = g - average
    variance[...] = f(alpha) * (variance + f(1 - alpha) * (deviation * deviation))
    average[...] = average + f(1 - alpha) * deviation
    scaled: Array = g / (np.sqrt(variance) + f(eps))
    return scaled


def rmsprop_(
    p: Array, g: Array, square_avg: Array, *, step: int, lr: float, alpha: float, eps: float, weight_decay: float
) -> Array:
    f = p.dtype.type
    g = g + f(weight_decay) * p
    descent: Array = f(lr) * _scaled(g, square_avg, alpha, eps)
    return descent


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
) -> Array:
    b, f = momentum_buffer, p.dtype.type
    g = g + f(weight_decay) * p
    b[...] = f(momentum) * b + _scaled(g, square_avg, alpha, eps)
    descent: Array = f(lr) * b
    return descent


def rmsprop_centered_(
    p: Array,
    g: Array,
    grad_var: Array,
    grad_avg: Array,
    *,
    step: int,
    lr: float,
    alpha: float,
    eps: float,
    weight_decay: float,
) -> Array:
    f = p.dtype.type
    g = g + f(weight_decay) * p
    descent: Array = f(lr) * _scaled_centered(g, grad_var, grad_avg, alpha, eps)
    return descent


def rmsprop_centered_momentum_(
    p: Array,
    g: Array,
    grad_var: Array,
    grad_avg: Array,
    momentum_buffer: Array,
    *,
    step: int,
    lr: float,
    alpha: float,
    eps: float,
    weight_decay: float,
    momentum: float,
) -> Array:
    b, f = momentum_buffer, p.dtype.type
    g = g + f(weight_decay) * p
    b[...] = f(momentum) * b + _scaled_centered(g, grad_var, grad_avg, alpha, eps)
    descent: Array = f(lr) * b
    return descent
