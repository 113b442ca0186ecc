"""How do arrays of any shapes become one vector, and a vector arrays again?"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from onepass.arrays import Array, as_arrays
from onepass.solve.callbacks import described, fill
from onepass.solve.smooth.objective import FLOATS


class Parameters:
    """Arrays that are stepped as one vector.

    Args:
        owner: opens error messages.
        given: one array, a sequence, or a dict by name.

    Raises:
        TypeError, ValueError: arrays are not all float32 or all float64; or one is empty, read-only, overlaps one.
    """

    def __init__(self, owner: str, given: Any) -> None:
        self._owner = owner
        self.arrays, self.names = as_arrays(owner, given)
        self._check()
        self.dtype = self.arrays[0].dtype
        self.size = sum(array.size for array in self.arrays)
        ends = itertools.accumulate((array.size for array in self.arrays), initial=0)
        self._parts = [slice(*pair) for pair in itertools.pairwise(ends)]

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        return [array.shape for array in self.arrays]

    def gather(self) -> Array:
        """A copy of all, as a vector."""
        return np.concatenate([array.reshape(-1) for array in self.arrays])

    def scatter(self, x: Array) -> None:
        """Writes the vector to the arrays."""
        for array, part in zip(self.arrays, self._parts, strict=True):
            array[...] = x[part].reshape(array.shape)

    def flatten(self, gradients: Any, out: Array) -> None:
        """Writes gradients, in the order or by the names of the arrays, to a vector."""
        for index, gradient in enumerate(self._in_order(gradients)):
            shaped = out[self._parts[index]].reshape(self.arrays[index].shape)
            fill(shaped, gradient, f"{self._owner}: gradient {index}")

    def _in_order(self, gradients: Any) -> Sequence[Any]:
        if self.names is not None:
            if not isinstance(gradients, Mapping) or gradients.keys() != set(self.names):
                raise ValueError(f"{self._owner}: the gradients must be a dict with the keys {', '.join(self.names)}")
            return [gradients[name] for name in self.names]
        if isinstance(gradients, np.ndarray) and len(self.arrays) == 1:
            return [gradients]
        if not isinstance(gradients, list | tuple):
            what = described(gradients, np.asarray(gradients))
            raise TypeError(f"{self._owner}: the gradients must be a list of arrays, got {what}")
        if len(gradients) != len(self.arrays):
            raise ValueError(f"{self._owner}: there are {len(self.arrays)} parameters, but {len(gradients)} gradients")
        return gradients

    def _check(self) -> None:
        for index, array in enumerate(self.arrays):
            if not isinstance(array, np.ndarray) or array.dtype not in FLOATS:
                kind = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
                raise TypeError(f"{self._owner}: parameter {index} must be an array of float32 or float64, got {kind}")
            if array.dtype != self.arrays[0].dtype:
                first = self.arrays[0].dtype
                raise TypeError(f"{self._owner}: parameter {index} is of {array.dtype}, the first of {first}")
            if not array.size or not array.flags.writeable:
                why = "is read-only" if array.size else "is empty"
                raise ValueError(f"{self._owner}: parameter {index} {why}")
        if pair := overlapping(self.arrays):
            raise ValueError(f"{self._owner}: parameters {pair[0]} and {pair[1]} overlap")


def overlapping(arrays: Sequence[Array]) -> tuple[int, int] | None:
    """The numbers of two arrays that share memory, if any do; in the order of their addresses, few can."""
    near: list[tuple[int, int]] = []  # where arrays end that began before, and their numbers
    for (begin, end), index in sorted((extent(array), index) for index, array in enumerate(arrays)):
        near = [(other_end, other) for other_end, other in near if other_end > begin]
        for _, other in near:
            if np.shares_memory(arrays[other], arrays[index]):
                return min(index, other), max(index, other)
        near.append((end, index))
    return None


def extent(array: Array) -> tuple[int, int]:
    """The address of the first byte of an array that is not empty, and the one past its last."""
    begin = end = array.__array_interface__["data"][0]
    for length, stride in zip(array.shape, array.strides, strict=True):
        reach = (length - 1) * stride
        begin, end = begin + min(reach, 0), end + max(reach, 0)
    return begin, end + array.itemsize
