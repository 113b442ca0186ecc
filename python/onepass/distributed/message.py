"""How do many arrays travel to one process? The large ones as they lie, all small ones as one buffer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from onepass.arrays import Array

#: Bytes from which a message of its own costs less than a copy.
ALONE_FROM = 2**18


class Room:
    """Memory that is kept for the next time, for a new page costs more than what is written there."""

    def __init__(self) -> None:
        self._memory = np.empty(0, np.uint8)

    def of(self, size: int) -> Array:
        if self._memory.size < size:
            self._memory = np.empty(size, np.uint8)
        return self._memory[:size]


class Message:
    """Arrays on their way between two processes, which cut them alike, for their sizes are the same on both sides.

    Args:
        room: for small arrays, until the message has arrived.

    Attributes:
        buffers: what is sent or received, as bytes.
    """

    def __init__(self, arrays: Sequence[Array], room: Room) -> None:
        flat = [as_bytes(array) for array in arrays if array.nbytes]
        self.buffers = [array for array in flat if array.size >= ALONE_FROM]
        self._small = [array for array in flat if array.size < ALONE_FROM]
        if self._small:
            self._packed = room.of(sum(array.size for array in self._small))
            self.buffers.append(self._packed)

    def pack(self) -> Message:
        """Before it is sent."""
        if self._small:
            np.concatenate(self._small, out=self._packed)
        return self

    def unpack(self) -> None:
        """Behind its arrival."""
        at = 0
        for array in self._small:
            array[...] = self._packed[at : at + array.size]
            at += array.size


def as_bytes(array: Array) -> Array:
    """The same memory; the array is contiguous, of whatever dtype."""
    return array.reshape(-1).view(np.uint8)
