"""How do many arrays travel to one process? Large ones as they lie, small ones with their neighbours as one array."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import numpy as np

from onepass.arrays import Array

#: For each rank some contiguous arrays, none of them empty, and none for one's own rank.
Mail = Sequence[Sequence[Array]]

#: Elements from which a message of its own costs less than a copy.
ALONE_FROM = 2**16
#: Bytes at whose multiples a run begins.
_ALIGNED = 64


class Form:
    """In which runs arrays travel; whoever sends them and whoever receives them have the same.

    Args:
        arrays: of each its dtype, its elements, at least one, and its kind, which neighbours have in common that are in
            one run; of one kind have one dtype.

    Attributes:
        runs: the positions of the arrays of each.
        nbytes: of all of them, one behind the other.
    """

    def __init__(self, arrays: Sequence[tuple[Any, int, Any]]) -> None:
        self._sizes = [size for _, size, _ in arrays]
        self.runs: list[range] = []
        before: Any = None
        for at, (_, size, kind) in enumerate(arrays):
            own = None if size >= ALONE_FROM else (kind,)
            if own is not None and own == before:
                self.runs[-1] = range(self.runs[-1].start, at + 1)
            else:
                self.runs.append(range(at, at + 1))
            before = own
        self._dtypes: list[np.dtype[Any]] = [arrays[run.start][0] for run in self.runs]
        self._lengths = [sum(self._sizes[run.start : run.stop]) for run in self.runs]
        rooms = [
            -(-size * dtype.itemsize // _ALIGNED) * _ALIGNED
            for size, dtype in zip(self._lengths, self._dtypes, strict=True)
        ]
        *self._starts, self.nbytes = accumulate(rooms, initial=0)

    def in_room(self, room: Array) -> list[Array]:
        """A view of each run."""
        return [self._run(number, room) for number in range(len(self.runs))]

    def _run(self, number: int, room: Array) -> Array:
        start, dtype = self._starts[number], self._dtypes[number]
        return room[start : start + self._lengths[number] * dtype.itemsize].view(dtype)

    def arrays(self, runs: Sequence[Array]) -> list[Array]:
        """A view of each array in them."""
        found = []
        for buffer, run in zip(runs, self.runs, strict=True):
            end = 0
            for size in self._sizes[run.start : run.stop]:
                begin, end = end, end + size
                found.append(buffer[begin:end])
        return found

    def packed(self, arrays: Sequence[Array], room: Array) -> list[Array]:
        """What is sent: of a run of one array itself, of others a copy in this memory."""
        runs = self.received(arrays, room)
        for buffer, run in zip(runs, self.runs, strict=True):
            if len(run) > 1:
                np.concatenate(arrays[run.start : run.stop], out=buffer)
        return runs

    def received(self, arrays: Sequence[Array], room: Array) -> list[Array]:
        """Where it arrives: in an array that is a run of its own, else in this memory, until it is unpacked."""
        return [arrays[run.start] if len(run) == 1 else self._run(number, room) for number, run in enumerate(self.runs)]

    def unpack(self, runs: Sequence[Array], arrays: Sequence[Array]) -> None:
        """Behind its arrival."""
        for buffer, run in zip(runs, self.runs, strict=True):
            if len(run) > 1:
                at = 0
                for array in arrays[run.start : run.stop]:
                    array[...] = buffer[at : at + array.size]
                    at += array.size


def room_for(forms: Sequence[Form]) -> Array:
    """Room for any one of them."""
    return np.empty(max((form.nbytes for form in forms), default=0), np.uint8)


def room_for_copies(forms: Sequence[Form]) -> Array:
    """Room for what is packed of any one of them."""
    return room_for([form for form in forms if any(len(run) > 1 for run in form.runs)])


def as_bytes(array: Array) -> Array:
    """The same memory; the array is contiguous, of whatever dtype."""
    return array.reshape(-1).view(np.uint8)
