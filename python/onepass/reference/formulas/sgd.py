"""SGD, as formulas."""

from __future__ import annotations

from onepass.arrays import Array


def sgd_(p: Array, g: Array, *, step: int, lr: float, weight_decay: float) -> Array:
    f = p.dtype.type
    g = g + f(weight_decay) * p
    descent: Array = f(lr) * g
    return descent


def momentum_(
    p: Array,
    g: Array,
    momentum_buffer: Array,
    *,
    step: int,
    lr: float,
    momentum: float,
    dampening: float,
    weight_decay: float,
) -> Array:
    b, f = momentum_buffer, p.dtype.type
    g = g + f(weight_decay) * p
    b[...] = f(momentum) * b + f(1 if step == 1 else 1 - dampening) * g
    descent: Array = f(lr) * b
    return descent


def nesterov_(
    p: Array, g: Array, momentum_buffer: Array, *, step: int, lr: float, momentum: float, weight_decay: float
) -> Array:
    b, f = momentum_buffer, p.dtype.type
    g = g + f(weight_decay) * p
    b[...] = f(momentum) * b + g
    descent: Array = f(lr) * (g + f(momentum) * b)
    return descent
