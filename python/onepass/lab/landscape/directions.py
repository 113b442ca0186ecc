"""Which way out of a minimum shows its shape? A random direction that is as long as the weights, unit by unit."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from onepass.arrays import Array
from onepass.lab.landscape.points import flatten


def filter_normalised(params: Mapping[str, Array], rng: np.random.Generator) -> Array:
    """A random direction, as a point: normal, then scaled such that each filter has the norm of that of the weights.

    A filter is what comes into one unit, a column of a weight of shape (inputs, outputs). Biases are zero in the
    direction. A ReLU network computes the same if the weights into a unit are doubled and those out of it are halved;
    steps of this kind are long where the weights are large, so that the picture does not depend on that choice.

    Reference:
        Li et al., Visualizing the loss landscape of neural nets, arXiv:1712.09913, section 4.
    """
    return flatten(_like(param, rng) if param.ndim == 2 else np.zeros_like(param) for param in params.values())


def _like(weight: Array, rng: np.random.Generator) -> Array:
    direction = rng.standard_normal(weight.shape)
    scaled: Array = direction * (np.linalg.norm(weight, axis=0) / np.linalg.norm(direction, axis=0))
    return scaled
