"""Where do the gradients of a process's own elements come from? From all processes, bucket by bucket."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from operator import is_
from typing import Any

import numpy as np

from onepass.arrays import Array
from onepass.distributed.buckets import Buckets, Stretch
from onepass.distributed.communicator import Communicator, starter
from onepass.distributed.layout import Layout
from onepass.distributed.message import Form, room_for, room_for_copies
from onepass.distributed.tree import MAX_ADDENDS, is_subtree, tree_sum

#: The flat gradients of one micro-batch, or the dtypes of these; None where there is none.
Stream = Sequence[Array | None]
Dtypes = Sequence[np.dtype[Any] | None]
#: (own tensor, number, first element, array): what takes the place of this addend of a gradient from there on.
Place = tuple[int, int, int, Array]
#: By rank the runs of each array that travels.
Arrivals = Mapping[int, Sequence[Sequence[Array]]]
#: Buckets of which there is room: one arrives while the other is worked on.
KEPT = 2


class Gradients:
    """What moves before a step: each part of each gradient to its owner.

    Micro-batches are numbered through the ranks: those of rank 0 come first. One rank's move as their sum, where they
    are a subtree.

    Args:
        computed: in which dtypes the gradients of each tensor are added.
        dtypes: of each micro-batch that a rank has.
    """

    def __init__(
        self,
        comm: Communicator,
        layout: Layout,
        buckets: Buckets,
        computed: Sequence[np.dtype[Any]],
        dtypes: Sequence[Dtypes],
        threads: int,
    ) -> None:
        self._layout, self._computed, self._threads = layout, computed, threads
        self._start, self._rank, self._ranks = starter(comm), comm.rank, comm.size
        self.dtypes = dtypes
        #: Whether a step can add them, which takes this rank's as they are.
        self.can_stream = len(dtypes) == 1 and 1 < comm.size <= MAX_ADDENDS
        pairs = [(dtype, of) for dtype, of in zip(dtypes[0], computed, strict=True) if dtype is not None]
        is_alike = all(dtype == of for dtype, of in pairs)
        takes_less = all((comm.size - 1) * dtype.itemsize <= of.itemsize for dtype, of in pairs)
        #: Whether a step that needs all before gets what has arrived, in the place of the sums.
        self._is_kept = self.can_stream and takes_less and not is_alike
        self._is_given = [dtype is not None for dtype in dtypes[0]]
        self._stretches = [
            [[one for one in each if self._is_given[one.tensor]] for each in bucket] for bucket in buckets.stretches
        ]
        kinds: list[Any] = list(zip(computed, *dtypes, strict=True))
        self._adds = len(dtypes) > 1 and is_subtree(len(dtypes))
        #: Whether one array of each other rank arrives, of the dtype of the sum.
        self._has_place = self._adds or (len(dtypes) == 1 and is_alike)
        self._sent = [self._forms(of, kinds) for of in ([computed] if self._adds else dtypes)]
        self._given = [self._forms(of, kinds) for of in dtypes] if self._adds else []
        #: Of each bucket on its way, by rank, for the arrays that go there; one's own is there for one bucket.
        room = room_for if self._adds else room_for_copies
        self._outgoing = [
            [
                self._rooms_of(room, self._sent, rank) if rank != comm.rank or not number else []
                for rank in range(comm.size)
            ]
            for number in range(KEPT)
        ]
        self._scratch = [self._rooms_of(room_for_copies, self._given, rank) for rank in range(comm.size)]

    def _forms(self, dtypes: Dtypes, kinds: Sequence[Any]) -> list[list[Form]]:
        """Of each bucket and rank."""
        return [
            [Form([(dtypes[one.tensor], one.size, kinds[one.tensor]) for one in each]) for each in bucket]
            for bucket in self._stretches
        ]

    @staticmethod
    def _rooms_of(
        room: Callable[[Sequence[Form]], Array], streams: Sequence[Sequence[Sequence[Form]]], rank: int
    ) -> list[Array]:
        return [room([bucket[rank] for bucket in forms]) for forms in streams]

    def _others(self) -> list[int]:
        return [rank for rank in range(self._ranks) if rank != self._rank]

    # Where gradients arrive: of each bucket, by rank, the runs of each array that travels

    @cached_property
    def _incoming(self) -> list[Arrivals]:
        return self._in_rooms(self._others())

    def _in_rooms(self, ranks: Sequence[int]) -> list[Arrivals]:
        """In rooms that every other bucket has again."""
        own = [[bucket[self._rank] for bucket in forms] for forms in self._sent]
        rooms = [{rank: [room_for(forms) for forms in own] for rank in ranks} for _ in range(KEPT)]
        return [
            {
                rank: [form[number].in_room(room) for form, room in zip(own, of, strict=True)]
                for rank, of in rooms[number % KEPT].items()
            }
            for number in range(len(self._stretches))
        ]

    @cached_property
    def _summands(self) -> list[Arrivals]:
        """Of the two that are added first the one that arrives, or one of them, comes where the sum goes."""
        if not self._has_place:
            return self._incoming
        first, *others = self._others()
        return [{first: [sums], **rooms} for sums, rooms in zip(self._sums[1], self._in_rooms(others), strict=True)]

    @cached_property
    def _kept(self) -> tuple[dict[int, list[Array | None]], list[Arrivals]]:
        """Where it is kept, by rank; and the runs of each bucket there."""
        rooms = {rank: self._room(self.dtypes[0]) for rank in self._others()}
        runs: list[Arrivals] = [
            {rank: [of[number]] for rank, (_, of) in rooms.items()} for number in range(len(self._stretches))
        ]
        return {rank: arrays for rank, (arrays, _) in rooms.items()}, runs

    @cached_property
    def _sums(self) -> tuple[list[Array | None], list[list[Array]]]:
        """Where sums go; and the runs of each bucket there."""
        return self._room(self._computed)

    def _room(self, dtypes: Dtypes) -> tuple[list[Array | None], list[list[Array]]]:
        """Room for all that this rank owns of the gradients, and of each bucket the runs of it."""
        sizes = [end - begin for begin, end in self._layout.parts[self._rank]]
        begins = [begin for begin, _ in self._layout.parts[self._rank]]
        arrays: list[Array | None] = [None] * len(sizes)
        runs: list[list[Array]] = [[] for _ in self._stretches]
        starts = [0] * len(sizes)
        memory: dict[Any, Array] = {}
        for dtype in {dtype for dtype, is_given in zip(dtypes, self._is_given, strict=True) if is_given}:
            tensors = [t for t, given in enumerate(self._is_given) if given and dtypes[t] == dtype]
            memory[dtype], at = np.empty(sum(sizes[t] for t in tensors), dtype), 0
            for t in tensors:
                starts[t], arrays[t] = at, memory[dtype][at : at + sizes[t]]
                at += sizes[t]
        for number, bucket in enumerate(self._stretches):
            own = bucket[self._rank]
            for run in self._sent[0][number][self._rank].runs:
                first, last = own[run.start], own[run.stop - 1]
                start = starts[first.tensor] + first.begin - begins[first.tensor]
                stop = starts[last.tensor] + last.end - begins[last.tensor]
                runs[number].append(memory[dtypes[first.tensor]][start:stop])
        return arrays, runs

    # How they come

    def start(self, number: int, streams: Sequence[Stream]) -> Callable[[], None]:
        """Collective: a bucket's gradients go to their owners; to be called when the last but one is done with.

        Args:
            streams: this rank's micro-batches, as many on each rank.
        """
        return self._start_into(self._incoming, number, streams)

    def _start_into(self, incoming: Sequence[Arrivals], number: int, streams: Sequence[Stream]) -> Callable[[], None]:
        leaves = {rank: self._leaves(number, rank, streams) for rank in self._others()}
        return self._start(self._mail(leaves), self._mail(incoming[number]))

    def _mail(self, leaves: Arrivals) -> list[list[Array]]:
        return [[one for leaf in leaves.get(rank, ()) for one in leaf] for rank in range(self._ranks)]

    def _arriving(self, streams: Sequence[Stream], incoming: Sequence[Arrivals]) -> Iterator[int]:
        """Collective: each bucket when it has come, and the next is on its way."""
        wait = self._start_into(incoming, 0, streams)
        for number in range(len(incoming)):
            wait()
            if number + 1 < len(incoming):
                wait = self._start_into(incoming, number + 1, streams)
            yield number

    def _leaves(self, number: int, rank: int, streams: Sequence[Stream]) -> list[list[Array]]:
        """What is for a rank: of each array that travels the runs."""
        stretches = self._stretches[number][rank]
        rooms = self._outgoing[number % KEPT if rank != self._rank else 0][rank]
        cut = [_cut(stream, stretches) for stream in streams]
        if not self._adds:
            forms = [form[number][rank] for form in self._sent]
            return [form.packed(arrays, room) for form, arrays, room in zip(forms, cut, rooms, strict=True)]
        given = [form[number][rank] for form in self._given]
        scratch = self._scratch[rank]
        addends = [form.packed(arrays, room) for form, arrays, room in zip(given, cut, scratch, strict=True)]
        sums = self._sent[0][number][rank].in_room(rooms[0])
        return [[tree_sum(of, to, self._threads) for *of, to in zip(*addends, sums, strict=True)]]

    # For a step that adds each bucket when it has come

    @cached_property
    def places(self) -> list[list[Place]]:
        """Of each bucket what has come from the others, for a step that adds it."""
        found = []
        begins = [begin for begin, _ in self._layout.parts[self._rank]]
        for number, (arrived, stretches) in enumerate(zip(self._incoming, self._stretches, strict=True)):
            form = self._sent[0][number][self._rank]
            found.append(
                [
                    (one.tensor, rank, one.begin - begins[one.tensor], array)
                    for rank in self._others()
                    for one, array in zip(stretches[self._rank], form.arrays(arrived[rank][0]), strict=True)
                ]
            )
        return found

    def streamed(self, stream: Stream) -> list[list[Array] | None]:
        """For a step that adds them: this rank's gradients, in the place of the others', too."""
        return [None if array is None else [array] * self._ranks for array in self._own(stream)]

    def _own(self, stream: Stream) -> Stream:
        """What this rank owns of its own gradients."""
        parts = self._layout.parts[self._rank]
        return [None if one is None else one[begin:end] for one, (begin, end) in zip(stream, parts, strict=True)]

    # For a step that needs all before

    def addends(self, streams: Sequence[Stream]) -> list[Stream]:
        """Collective: what makes the sums over all micro-batches of all ranks, of this rank's own elements."""
        if not self._is_kept:
            return [self._summed(streams)]
        arrays, incoming = self._kept
        for _ in self._arriving(streams, incoming):
            pass
        own = self._own(streams[0])
        return [arrays.get(rank, own) for rank in range(self._ranks)]

    def _summed(self, streams: Sequence[Stream]) -> Stream:
        arrays, sums = self._sums
        for number in self._arriving(streams, self._summands):
            each = {**self._summands[number], self._rank: self._leaves(number, self._rank, streams)}
            leaves = [leaf for rank in range(self._ranks) for leaf in each[rank]]
            for *addends, total in zip(*leaves, sums[number], strict=True):
                tree_sum(addends, total, self._threads)
        return arrays


def are_alike(these: Sequence[Dtypes], those: Sequence[Dtypes]) -> bool:
    """Whether they are the same objects: for ``==`` None is a dtype, too, and there is one object of each."""
    return len(these) == len(those) and all(all(map(is_, *both)) for both in zip(these, those, strict=True))


def _cut(stream: Stream, stretches: Sequence[Stretch]) -> list[Array]:
    return [array[one.begin : one.end] for one in stretches if (array := stream[one.tensor]) is not None]
