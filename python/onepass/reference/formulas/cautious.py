"""How is a step made cautious? As cpp/language/cautious.hpp has it: any update of slots, and decay."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from onepass.arrays import Array
from onepass.reference.kernels.stages import Staged

#: Brings the slots up to date and returns what the parameter descends by, apart from decay.
Update = Callable[..., Array]


def agreement(a: Array, b: Array) -> Array:
    """1 where both are positive or both negative, else 0."""
    agrees = ((a > 0) & (b > 0)) | ((a < 0) & (b < 0))
    return agrees.astype(a.dtype)


def cautious_decay(rate: float, p: Array, descent: Array) -> Array:
    """Decay where p and what it descends by do not differ in sign."""
    differ = ((p > 0) & (descent < 0)) | ((p < 0) & (descent > 0))
    taken: Array = np.where(differ, p.dtype.type(0), p.dtype.type(rate) * p)
    return taken


def cautious(update: Update, p: Array, g: Array, *slots: Array, decay: Callable[[Array], Array] | None) -> Staged:
    """The update where it agrees with the gradient, scaled up by the share of that.

    Args:
        g: the gradient, with coupled decay.
        decay: what decoupled decay takes, of what the whole update takes; None for none.
    """
    trial = update(g, *(slot.copy() for slot in slots))
    (agreeing,) = yield [(agreement(trial, g), np.ones_like(g))]
    mean = float(np.float64(agreeing) / p.size)
    scale = 1 / (mean if mean > 1e-3 else 1e-3)
    descent = update(g, *slots)
    kept: Array = p.dtype.type(scale) * (descent * agreement(descent, g))
    return kept if decay is None else decay(descent) + kept
