"""Where do the gradients of a process's own elements come from? From all processes, and are added as one tree."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from onepass.arrays import Array
from onepass.distributed.communicator import Communicator
from onepass.distributed.layout import Layout
from onepass.distributed.pieces import Pieces
from onepass.distributed.tree import tree_sum

#: Arrays that a step adds at most.
MAX_ADDENDS = 64
#: The flat gradients of one micro-batch.
Stream = Sequence[Array]


class Gradients:
    """What moves before a step: each part of each gradient to its owner.

    Args:
        dtypes: in which the gradients of each tensor are added.
    """

    def __init__(self, comm: Communicator, layout: Layout, dtypes: Sequence[np.dtype[Any]]) -> None:
        self._comm, self._layout, self._dtypes = comm, layout, dtypes
        self._rooms: dict[tuple[int, int], Array] = {}

    def exchanged(self, streams: Sequence[Stream]) -> list[list[Array]]:
        """Collective: of each tensor, what adds up to the sum over all micro-batches of all ranks, as one tree.

        Micro-batches are numbered through the ranks: those of rank 0 come first. It is of this rank's own elements.

        Args:
            streams: this rank's micro-batches, as many on each rank.
        """
        if len(streams) & (len(streams) - 1) == 0:  # they are a subtree, whose sum moves in their place
            streams = [self._summed(streams)]
        ranks, own = range(self._comm.size), self._comm.rank
        cut = [Pieces(self._layout, stream) for stream in streams]
        mine = [one.of(own) for one in cut]
        theirs = [[self._like(pieces, rank, at) for at, pieces in enumerate(mine)] for rank in ranks if rank != own]
        theirs.insert(own, [])
        sent = [[piece for one in cut for piece in one.of(rank)] if rank != own else [] for rank in ranks]
        self._comm.exchange(sent, [[piece for pieces in each for piece in pieces] for each in theirs])
        theirs[own] = mine
        return list(map(list, zip(*self._few([pieces for each in theirs for pieces in each]), strict=True)))

    def _few(self, streams: Sequence[Stream]) -> Sequence[Stream]:
        """As many as a step adds: of more, whole subtrees are added before."""
        run = 1
        while len(streams) > MAX_ADDENDS * run:
            run *= 2
        return [self._summed(streams[at : at + run]) for at in range(0, len(streams), run)] if run > 1 else streams

    def _summed(self, streams: Sequence[Stream]) -> Stream:
        return [tree_sum(of, dtype) for *of, dtype in zip(*streams, self._dtypes, strict=True)]

    def _like(self, pieces: Sequence[Array], rank: int, stream: int) -> list[Array]:
        """Room for what comes from a rank, kept for the next step."""
        found = []
        for tensor, piece in enumerate(pieces):
            place = (rank, stream * len(pieces) + tensor)
            room = self._rooms.get(place)
            if room is None or room.dtype != piece.dtype or room.size != piece.size:
                room = self._rooms[place] = np.empty(piece.size, piece.dtype)
            found.append(room)
        return found
