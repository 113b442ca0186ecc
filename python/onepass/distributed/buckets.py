"""In which parts does a step go? In buckets, of each rank's own elements about as many, which need room one by one."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

from onepass.distributed.layout import Layout, laid_out
from onepass.formats import BLOCK

#: Elements of a bucket, of all ranks together.
ELEMENTS = 2**24


class Stretch(NamedTuple):
    """Elements of one tensor, counted in the whole."""

    tensor: int
    begin: int
    end: int

    @property
    def size(self) -> int:
        return self.end - self.begin


class Buckets:
    """What each rank owns, cut at borders of tiles.

    Attributes:
        stretches: of each bucket and rank, in the order of the tensors.
    """

    def __init__(self, layout: Layout) -> None:
        shares = [[end - begin for begin, end in parts] for parts in layout.parts]
        count = max(1, -(-max(map(sum, shares)) * len(shares) // ELEMENTS))
        cut = [laid_out(sizes, [False] * len(sizes), count).parts for sizes in shares]
        self.stretches = [
            [_stretches(cut_of[number], parts) for cut_of, parts in zip(cut, layout.parts, strict=True)]
            for number in range(count)
        ]

    def __len__(self) -> int:
        return len(self.stretches)

    def ends(self, rank: int) -> list[int]:
        """Where each ends on the line of all that a rank owns, in blocks."""
        return list(accumulate(sum(-(-one.size // BLOCK) for one in each[rank]) for each in self.stretches))


def _stretches(cut: Sequence[tuple[int, int]], parts: Sequence[tuple[int, int]]) -> list[Stretch]:
    return [
        Stretch(tensor, first + begin, first + end)
        for tensor, ((begin, end), (first, _)) in enumerate(zip(cut, parts, strict=True))
        if begin < end
    ]
