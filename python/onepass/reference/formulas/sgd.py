"""SGD, as formulas."""

from __future__ import annotations

from onepass.arrays import Array
from onepass.reference.formulas.cautious import Update, cautious
from onepass.reference.kernels.stages import Staged


def _decayed(p: Array, g: Array, weight_decay: float) -> Array:
    decayed: Array = g + p.dtype.type(weight_decay) * p
    return decayed


def sgd_(p: Array, g: Array, *, step: int, lr: float, weight_decay: float) -> Array:
    descent: Array = p.dtype.type(lr) * _decayed(p, g, weight_decay)
    return descent


def _with_momentum(step: int, lr: float, momentum: float, dampening: float) -> Update:
    def update(g: Array, b: Array) -> Array:
        f = g.dtype.type
        b[...] = f(momentum) * b + f(1 if step == 1 else 1 - dampening) * g
        descent: Array = f(lr) * b
        return descent

    return update


def _ahead(lr: float, momentum: float) -> Update:
    def update(g: Array, b: Array) -> Array:
        f = g.dtype.type
        b[...] = f(momentum) * b + g
        descent: Array = f(lr) * (g + f(momentum) * b)
        return descent

    return update


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
    return _with_momentum(step, lr, momentum, dampening)(_decayed(p, g, weight_decay), momentum_buffer)


def momentum_cautious_(
    p: Array,
    g: Array,
    momentum_buffer: Array,
    *,
    step: int,
    lr: float,
    momentum: float,
    dampening: float,
    weight_decay: float,
) -> Staged:
    update = _with_momentum(step, lr, momentum, dampening)
    return cautious(update, p, _decayed(p, g, weight_decay), momentum_buffer, decay=None)


def nesterov_(
    p: Array, g: Array, momentum_buffer: Array, *, step: int, lr: float, momentum: float, weight_decay: float
) -> Array:
    return _ahead(lr, momentum)(_decayed(p, g, weight_decay), momentum_buffer)


def nesterov_cautious_(
    p: Array, g: Array, momentum_buffer: Array, *, step: int, lr: float, momentum: float, weight_decay: float
) -> Staged:
    return cautious(_ahead(lr, momentum), p, _decayed(p, g, weight_decay), momentum_buffer, decay=None)
