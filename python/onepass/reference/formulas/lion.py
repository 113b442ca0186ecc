"""Lion, as formulas."""

from __future__ import annotations

from onepass.arrays import Array
from onepass.reference.formulas.cautious import Update, cautious, cautious_decay
from onepass.reference.formulas.elementwise import decay, sign
from onepass.reference.kernels.stages import Staged

Betas = tuple[float, float]


def _update(lr: float, betas: Betas) -> Update:
    def update(g: Array, m: Array) -> Array:
        (beta1, beta2), f = betas, g.dtype.type
        taken: Array = f(lr) * sign(f(beta1) * m + f(1 - beta1) * g)
        m[...] = f(beta2) * m + f(1 - beta2) * g
        return taken

    return update


def lion_(p: Array, g: Array, exp_avg: Array, *, step: int, lr: float, betas: Betas, weight_decay: float) -> Array:
    return decay(p, lr, weight_decay) + _update(lr, betas)(g, exp_avg)


def lion_cautious_(
    p: Array, g: Array, exp_avg: Array, *, step: int, lr: float, betas: Betas, weight_decay: float
) -> Staged:
    return cautious(_update(lr, betas), p, g, exp_avg, decay=lambda _: decay(p, lr, weight_decay))


def lion_cautious_decay_(
    p: Array, g: Array, exp_avg: Array, *, step: int, lr: float, betas: Betas, weight_decay: float
) -> Array:
    taken = _update(lr, betas)(g, exp_avg)
    return cautious_decay(lr * weight_decay, p, taken) + taken


def lion_cautious_all_(
    p: Array, g: Array, exp_avg: Array, *, step: int, lr: float, betas: Betas, weight_decay: float
) -> Staged:
    return cautious(_update(lr, betas), p, g, exp_avg, decay=lambda taken: cautious_decay(lr * weight_decay, p, taken))
