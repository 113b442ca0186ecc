"""Where do the gradients of a process's own elements come from? From all processes, bucket by bucket."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
        self._is_given = [dtype is not None for dtype in dtypes[0]]
        self._stretches = [
            [[one for one in each if self._is_given[one.tensor]] for each in bucket] for bucket in buckets.stretches
        ]
        kinds: list[Any] = list(zip(computed, *dtypes, strict=True))
        self._adds = len(dtypes) > 1 and is_subtree(len(dtypes))
        self._sent = [self._forms(of, kinds) for of in ([computed] if self._adds else dtypes)]
        self._given = [self._forms(of, kinds) for of in dtypes] if self._adds else []
        own = [[bucket[comm.rank] for bucket in forms] for forms in self._sent]
        #: Of each bucket that is kept, by rank: the arrays that go there, and those that come from there.
        room = room_for if self._adds else room_for_copies
        self._outgoing = [[self._rooms_of(room, self._sent, rank) for rank in range(comm.size)] for _ in range(KEPT)]
        self._scratch = [self._rooms_of(room_for_copies, self._given, rank) for rank in range(comm.size)]
        incoming = [
            [[room_for(forms if rank != comm.rank else []) for forms in own] for rank in range(comm.size)]
            for _ in range(KEPT)
        ]
        #: The same by bucket, as the runs in which they come.
        self._incoming = [
            [
                [form[number].in_room(memory) for form, memory in zip(own, of, strict=True)]
                for of in incoming[number % KEPT]
            ]
            for number in range(len(buckets))
        ]

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

    def start(self, number: int, streams: Sequence[Stream], *, is_streamed: bool) -> Callable[[], None]:
        """Collective: a bucket's gradients go to their owners; to be called when the last but one is done with.

        Args:
            streams: this rank's micro-batches, as many on each rank.
            is_streamed: whether this rank's own gradients stay where they are.
        """
        runs = [
            [] if is_streamed and rank == self._rank else self._leaves(number, rank, streams)
            for rank in range(self._ranks)
        ]
        self._incoming[number][self._rank] = runs[self._rank]
        return self._start(self._mail(runs), self._mail(self._incoming[number]))

    def _mail(self, runs: Sequence[Sequence[Sequence[Array]]]) -> list[list[Array]]:
        return [[one for leaf in of for one in leaf] if rank != self._rank else [] for rank, of in enumerate(runs)]

    def _leaves(self, number: int, rank: int, streams: Sequence[Stream]) -> list[list[Array]]:
        """What goes to a rank: of each array that is sent the runs."""
        stretches, rooms = self._stretches[number][rank], self._outgoing[number % KEPT][rank]
        cut = [_cut(stream, stretches) for stream in streams]
        if not self._adds:
            forms = [form[number][rank] for form in self._sent]
            return [form.packed(arrays, room) for form, arrays, room in zip(forms, cut, rooms, strict=True)]
        given = [form[number][rank] for form in self._given]
        scratch = self._scratch[rank]
        addends = [form.packed(arrays, room) for form, arrays, room in zip(given, cut, scratch, strict=True)]
        sums = self._sent[0][number][rank].in_room(rooms[0])
        return [[tree_sum(of, to, self._threads) for *of, to in zip(*addends, sums, strict=True)]]

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
                    for rank in range(self._ranks)
                    if rank != self._rank
                    for one, array in zip(stretches[self._rank], form.arrays(arrived[rank][0]), strict=True)
                ]
            )
        return found

    def streamed(self, stream: Stream) -> list[list[Array] | None]:
        """For a step that adds them: this rank's gradients, in the place of the others', too."""
        parts = self._layout.parts[self._rank]
        return [
            None if array is None else [array[begin:end]] * self._ranks
            for array, (begin, end) in zip(stream, parts, strict=True)
        ]

    @cached_property
    def _sums(self) -> tuple[list[Array | None], list[list[Array]]]:
        """Room for the sums of all own gradients, and of each bucket the runs of it."""
        sizes = [end - begin for begin, end in self._layout.parts[self._rank]]
        begins = [begin for begin, _ in self._layout.parts[self._rank]]
        sums: list[Array | None] = [None] * len(sizes)
        runs: list[list[Array]] = [[] for _ in self._stretches]
        starts = [0] * len(sizes)
        memory: dict[np.dtype[Any], Array] = {}
        for dtype in set(self._computed):
            tensors = [t for t, given in enumerate(self._is_given) if given and self._computed[t] == dtype]
            memory[dtype], at = np.empty(sum(sizes[t] for t in tensors), dtype), 0
            for t in tensors:
                starts[t], sums[t] = at, memory[dtype][at : at + sizes[t]]
                at += sizes[t]
        for number, bucket in enumerate(self._stretches):
            own = bucket[self._rank]
            for run in self._sent[0][number][self._rank].runs:
                first, last = own[run.start], own[run.stop - 1]
                start = starts[first.tensor] + first.begin - begins[first.tensor]
                stop = starts[last.tensor] + last.end - begins[last.tensor]
                runs[number].append(memory[self._computed[first.tensor]][start:stop])
        return sums, runs

    def summed(self, streams: Sequence[Stream]) -> list[Array | None]:
        """Collective: the sums over all micro-batches of all ranks, of this rank's own elements."""
        sums, runs = self._sums
        wait = self.start(0, streams, is_streamed=False)
        for number, to in enumerate(runs):
            wait()
            if number + 1 < len(runs):
                wait = self.start(number + 1, streams, is_streamed=False)
            leaves = [leaf for rank in self._incoming[number] for leaf in rank]
            for *addends, total in zip(*leaves, to, strict=True):
                tree_sum(addends, total, self._threads)
            self._incoming[number][self._rank] = []  # nobody's gradients are kept
        return sums


def are_alike(these: Sequence[Dtypes], those: Sequence[Dtypes]) -> bool:
    """Whether they are the same objects: for ``==`` None is a dtype, too, and there is one object of each."""
    return len(these) == len(those) and all(all(map(is_, *both)) for both in zip(these, those, strict=True))


def _cut(stream: Stream, stretches: Sequence[Stretch]) -> list[Array]:
    return [array[one.begin : one.end] for one in stretches if (array := stream[one.tensor]) is not None]
