"""How does a process see what it owns of whole arrays? As flat views, which nobody copies; others get copies of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from onepass.arrays import Array
from onepass.distributed.buckets import Buckets
from onepass.distributed.communicator import Communicator, starter
from onepass.distributed.layout import Layout
from onepass.distributed.message import Form, room_for_copies

#: Buckets that are on their way at once.
ON_THEIR_WAY = 2


def flat(array: Array) -> Array:
    """The elements in the order in which they lie; the same memory, for it is contiguous."""
    return array.ravel("K")


def owned(layout: Layout, rank: int, arrays: Sequence[Array]) -> list[Array]:
    """Of each flat array what this rank owns of it."""
    return [array[begin:end] for array, (begin, end) in zip(arrays, layout.parts[rank], strict=True)]


class Pieces:
    """Arrays of which each process holds the whole, and owns a part.

    Args:
        arrays: one for each tensor of the layout.
    """

    def __init__(self, comm: Communicator, layout: Layout, buckets: Buckets, arrays: Sequence[Array]) -> None:
        self._rank, self._others = comm.rank, [rank for rank in range(comm.size) if rank != comm.rank]
        self._size = comm.size
        self._start = starter(comm)
        flats = [flat(array) for array in arrays]
        #: Of each array what this rank owns.
        self.own = owned(layout, comm.rank, flats)
        self._cut = [
            [[flats[one.tensor][one.begin : one.end] for one in stretches] for stretches in bucket]
            for bucket in buckets.stretches
        ]
        self._forms = [
            [Form([(array.dtype, array.size, array.dtype) for array in each]) for each in bucket]
            for bucket in self._cut
        ]
        self._rooms = [
            [room_for_copies([bucket[rank] for bucket in self._forms]) for rank in range(comm.size)]
            for _ in range(ON_THEIR_WAY)
        ]

    def start(self, number: int) -> Callable[[], None]:
        """Collective: everybody gets what is owned of a bucket; to be called before the next but one starts."""
        forms, arrays, rooms = self._forms[number], self._cut[number], self._rooms[number % ON_THEIR_WAY]
        sent = forms[self._rank].packed(arrays[self._rank], rooms[self._rank])
        received: list[list[Array]] = [[] for _ in range(self._size)]
        for rank in self._others:
            received[rank] = forms[rank].received(arrays[rank], rooms[rank])
        done = self._start([[] if rank == self._rank else sent for rank in range(self._size)], received)

        def wait() -> None:
            done()
            for rank in self._others:
                forms[rank].unpack(received[rank], arrays[rank])

        return wait

    def complete(self) -> None:
        """Collective: everybody gets all."""
        under_way: list[Callable[[], None]] = []
        for number in range(len(self._forms)):
            if len(under_way) == ON_THEIR_WAY:
                under_way.pop(0)()
            under_way.append(self.start(number))
        for wait in under_way:
            wait()
