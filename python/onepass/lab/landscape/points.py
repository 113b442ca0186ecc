"""How is a network a point? All its parameters in one vector, and a network to measure at any such vector."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from onepass.arrays import Array
from onepass.lab.network import Network


def flatten(arrays: Iterable[Array]) -> Array:
    """All elements of the arrays in one vector of float64, which holds every float32 exactly."""
    return np.concatenate([array.ravel() for array in arrays]).astype(np.float64)


class Probe:
    """Measures networks of one shape at any point, with a network of its own: those that were trained stay untouched.

    Args:
        sizes: units per layer, from the inputs to the classes.
    """

    def __init__(self, sizes: Sequence[int]) -> None:
        self._network = Network(sizes)

    def at(self, point: Array) -> Network:
        """The network with these parameters, rounded to float32, until the next call."""
        params = self._network.params.values()
        ends = np.cumsum([param.size for param in params])
        for param, part in zip(params, np.split(point, ends[:-1]), strict=True):
            param[...] = part.reshape(param.shape)
        return self._network
