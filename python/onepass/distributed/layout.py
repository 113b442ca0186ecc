"""Which elements does each process own? Runs of tiles of about the same size, or whole tensors where a rule sums them.

A tile has 4096 elements of one tensor, counted from its first: those whose squares are added by themselves, and whole
blocks of what is stored in 8 bits. It is never cut, and so what becomes of it depends on nobody's number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

TILE = 4096


@dataclass(frozen=True)
class Layout:
    """Who owns what.

    Attributes:
        sizes: elements of each tensor.
        parts: of each rank and tensor the first element that is owned, and the one behind the last.
    """

    sizes: tuple[int, ...]
    parts: tuple[tuple[tuple[int, int], ...], ...]

    def owner(self, tensor: int) -> int:
        """The first rank that owns some of a tensor; 0 if it has no elements."""
        return next((rank for rank, parts in enumerate(self.parts) if parts[tensor][0] < parts[tensor][1]), 0)

    @cached_property
    def tile_order(self) -> NDArray[np.intp]:
        """Where the tiles of one process are among those of all ranks, laid one rank behind the other."""
        places = [
            (tensor, begin + at * TILE)
            for parts in self.parts
            for tensor, (begin, end) in enumerate(parts)
            for at in range(_tiles(end - begin))
        ]
        return np.array(sorted(range(len(places)), key=places.__getitem__), np.intp)


def laid_out(sizes: Sequence[int], whole: Sequence[bool], ranks: int, before: Layout | None = None) -> Layout:
    """Shares for so many ranks.

    Args:
        sizes: elements of each tensor.
        whole: whether one rank must own all of a tensor.
        before: that of the first tensors, which stays; None: of none.
    """
    first = len(before.sizes) if before else 0
    parts = [[*(before.parts[rank] if before else ()), *[(0, 0)] * (len(sizes) - first)] for rank in range(ranks)]
    tensors = range(first, len(sizes))
    _lay_whole(parts, sizes, [tensor for tensor in tensors if whole[tensor]])
    _lay_tiles(parts, sizes, [tensor for tensor in tensors if not whole[tensor]])
    return Layout(tuple(sizes), tuple(map(tuple, parts)))


def _lay_whole(parts: list[list[tuple[int, int]]], sizes: Sequence[int], tensors: Sequence[int]) -> None:
    """The largest first, each to whoever has least."""
    loads = [sum(end - begin for begin, end in of) for of in parts]
    for tensor in sorted(tensors, key=lambda tensor: -sizes[tensor]):
        rank = loads.index(min(loads))
        parts[rank][tensor] = (0, sizes[tensor])
        loads[rank] += sizes[tensor]


def _lay_tiles(parts: list[list[tuple[int, int]]], sizes: Sequence[int], tensors: Sequence[int]) -> None:
    """One line of all tensors is cut into equal lengths, at the nearest border of a tile."""
    ranks, total = len(parts), sum(sizes[tensor] for tensor in tensors)
    cuts = [total * rank // ranks for rank in range(1, ranks)]
    start = 0
    for tensor in tensors:
        size = sizes[tensor]
        borders = [0, *(_border(cut - start, size) for cut in cuts), size]
        for rank in range(ranks):
            parts[rank][tensor] = (borders[rank], borders[rank + 1])
        start += size


def _border(at: int, size: int) -> int:
    """The border of a tile that is nearest, in a tensor of that size."""
    return min(max(at + TILE // 2, 0) // TILE * TILE, size) if at < size - size % TILE // 2 else size


def _tiles(elements: int) -> int:
    return -(-elements // TILE)
