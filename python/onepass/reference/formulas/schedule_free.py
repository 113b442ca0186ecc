"""Schedule-Free SGD and AdamW, as formulas."""

from __future__ import annotations

import math

import numpy as np

from onepass.arrays import Array
from onepass.reference.kernels.scalar_math import power, real_power


def _warmed_up(lr: float, step: int, warmup_steps: float) -> float:
    return lr * (step / warmup_steps) if step < warmup_steps else lr


def _share(step: int, lr: float, r: float, weight_lr_power: float, lr_max: Array, weight_sum: Array) -> float:
    """By which part of the way to z the average moves: the share of this step in the weights of all."""
    lr_max[...] = max(lr, float(lr_max))
    highest = float(lr_max)
    of_rate = real_power(highest, weight_lr_power) if highest > 0 else 0.0 if weight_lr_power > 0 else 1.0
    weight = real_power(float(step), r) * of_rate
    weight_sum += weight
    return weight / float(weight_sum) if weight_sum > 0 else 0.0


def _descent(p: Array, taken: Array, z: Array, x: Array, beta: float, share: float, step: int) -> Array:
    f = p.dtype.type
    if step == 1:
        z[...] = x[...] = p
    z[...] = z - taken
    x[...] = x + f(share) * (z - x)
    descent: Array = (p - z) - f(beta) * (x - z)
    return descent


def schedulefreesgd_(
    p: Array,
    g: Array,
    z: Array,
    x: Array,
    *,
    lr_max: Array,
    weight_sum: Array,
    step: int,
    lr: float,
    momentum: float,
    weight_decay: float,
    warmup_steps: float,
    r: float,
    weight_lr_power: float,
) -> Array:
    f = p.dtype.type
    now = _warmed_up(lr, step, warmup_steps)
    share = _share(step, now, r, weight_lr_power, lr_max, weight_sum)
    return _descent(p, f(now) * (g + f(weight_decay) * p), z, x, momentum, share, step)


def schedulefreeadamw_(
    p: Array,
    g: Array,
    z: Array,
    x: Array,
    exp_avg_sq: Array,
    *,
    lr_max: Array,
    weight_sum: Array,
    step: int,
    lr: float,
    betas: tuple[float, float],
    eps: float,
    weight_decay: float,
    warmup_steps: float,
    r: float,
    weight_lr_power: float,
) -> Array:
    v, f = exp_avg_sq, p.dtype.type
    now = _warmed_up(lr, step, warmup_steps)
    share = _share(step, now, r, weight_lr_power, lr_max, weight_sum)
    v[...] = f(betas[1]) * v + f(1 - betas[1]) * (g * g)
    denominator = np.sqrt(v) * f(1 / math.sqrt(1 - power(betas[1], step))) + f(eps)
    direction = g / denominator + f(weight_decay) * p
    return _descent(p, f(now) * direction, z, x, betas[0], share, step)
