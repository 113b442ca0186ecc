"""How does a process see what it owns of whole arrays? As flat views, which nobody copies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from onepass.arrays import Array
from onepass.distributed.communicator import Communicator
from onepass.distributed.layout import Layout


def flat(array: Array) -> Array:
    """The elements in the order in which they lie; the same memory, for it is contiguous."""
    order: Any = "C" if array.flags.c_contiguous else "F"
    return array.reshape(-1, order=order)


class Pieces:
    """Arrays of which each process holds the whole, cut as a layout says.

    Args:
        arrays: one for each tensor of the layout.
    """

    def __init__(self, layout: Layout, arrays: Sequence[Array]) -> None:
        self._layout = layout
        self._flat = [flat(array) for array in arrays]
        self._cut: dict[int, list[Array]] = {}

    def of(self, rank: int) -> list[Array]:
        """A view of each tensor: what this rank owns of it."""
        if rank not in self._cut:
            parts = self._layout.parts[rank]
            self._cut[rank] = [array[begin:end] for array, (begin, end) in zip(self._flat, parts, strict=True)]
        return self._cut[rank]

    def complete(self, comm: Communicator) -> None:
        """Collective: everybody gets what its owner has."""
        own = self.of(comm.rank)
        others = [rank for rank in range(comm.size) if rank != comm.rank]
        comm.exchange(
            [own if rank in others else [] for rank in range(comm.size)],
            [self.of(rank) if rank in others else [] for rank in range(comm.size)],
        )
