"""How do processes of MPI work together? By mpi4py's calls, none of which waits where Python cannot interrupt it."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from time import monotonic, sleep
from typing import Any

import numpy as np
from mpi4py import MPI

from onepass.arrays import Array
from onepass.distributed.message import Mail, as_bytes

#: Bytes that `gather` moves at once; what is longer takes a second call.
_SHORT = 64
_LENGTH = 8
#: Looks at a message before others get the core, who may keep it for milliseconds; some 50 microseconds.
POLLS = 100
#: Bytes of a message at most: there are implementations that count in 32 bits.
_LONGEST = 2**30


_yield = getattr(os, "sched_yield", partial(sleep, 0))  # which Windows does not have


class Mpi:
    """An intracommunicator of mpi4py; onepass's messages are kept apart from others on it.

    Args:
        comm: such as ``MPI.COMM_WORLD``. Calling this is collective.
        timeout: seconds after which a process that waits for others raises TimeoutError.
    """

    def __init__(self, comm: Any, *, timeout: float = 1800.0) -> None:
        self._comm, self._timeout = comm.Dup(), timeout
        self.rank: int = self._comm.rank
        self.size: int = self._comm.size
        #: What is on its way, and its arrays with it: also behind an error, when nobody waits for it any more.
        self._under_way: dict[int, list[Any]] = {}
        self._started = 0

    def gather(self, data: bytes) -> list[bytes]:
        own = len(data).to_bytes(_LENGTH, "little") + data[: _SHORT - _LENGTH]
        heads = bytearray(_SHORT * self.size)
        self._wait([self._comm.Iallgather(own.ljust(_SHORT, b"\0"), heads)])
        all_heads = [bytes(heads[at : at + _SHORT]) for at in range(0, len(heads), _SHORT)]
        lengths = [int.from_bytes(head[:_LENGTH], "little") for head in all_heads]
        if max(lengths) <= _SHORT - _LENGTH:
            return [head[_LENGTH : _LENGTH + length] for head, length in zip(all_heads, lengths, strict=True)]
        everything = bytearray(sum(lengths))
        self._wait([self._comm.Iallgatherv(data, [everything, lengths])])
        ends = np.cumsum(lengths)
        return [bytes(everything[end - length : end]) for end, length in zip(ends, lengths, strict=True)]

    def exchange(self, send: Mail, receive: Mail) -> None:
        self.start(send, receive)()

    def start(self, send: Mail, receive: Mail) -> Callable[[], None]:
        self._started += 1
        number, requests = self._started, self._under_way.setdefault(self._started, [])
        # Each begins with its neighbour, so that not all send to the same one at once.
        for distance in range(1, self.size):
            source, target = (self.rank - distance) % self.size, (self.rank + distance) % self.size
            requests += [self._comm.Irecv(piece, source) for array in receive[source] for piece in _pieces(array)]
            requests += [self._comm.Isend(piece, target) for array in send[target] for piece in _pieces(array)]

        def wait() -> None:
            self._wait(requests)
            del self._under_way[number]

        return wait

    def _wait(self, requests: list[Any]) -> None:
        """Let signals come through until all is done, and soon yield the core to whoever has work."""
        start, polls = monotonic(), 0
        while not MPI.Request.Testall(requests):
            if monotonic() - start > self._timeout:
                raise TimeoutError(f"rank {self.rank} has waited {self._timeout:g} s for other processes")
            polls += 1
            if polls > POLLS:
                _yield()


def _pieces(array: Array) -> list[Array]:
    buffer = as_bytes(array)
    return [buffer[start : start + _LONGEST] for start in range(0, buffer.size, _LONGEST)]
