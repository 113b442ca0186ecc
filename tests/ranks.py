"""Many ranks without many processes: threads, whose communicator is checked as MPI's and gloo's are."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Result = TypeVar("Result")
#: Nothing hangs: seconds after which whoever waits raises.
PATIENCE = 60


class Board:
    """Where all ranks put what they pass."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.barrier = threading.Barrier(size, timeout=PATIENCE)
        self.passed: list[Any] = [None] * size


class Thread:
    """A rank that is a thread."""

    def __init__(self, rank: int, board: Board) -> None:
        self.rank, self.size, self._board = rank, board.size, board
        self.moved = 0

    def _all(self, own: Any) -> list[Any]:
        self._board.passed[self.rank] = own
        self._board.barrier.wait()
        found = list(self._board.passed)
        self._board.barrier.wait()
        self._board.passed[self.rank] = None  # kept no longer than a message on its way
        return found

    def gather(self, data: bytes) -> list[bytes]:
        return self._all(data)

    def exchange(self, send: Sequence[Sequence[NDArray[Any]]], receive: Sequence[Sequence[NDArray[Any]]]) -> None:
        assert not send[self.rank]
        assert not receive[self.rank]
        self.moved += sum(array.nbytes for arrays in send for array in arrays)
        copies = [[array.copy() for array in arrays] for arrays in send]
        for rank, from_rank in enumerate(self._all(copies)):
            for room, array in zip(receive[rank], from_rank[self.rank], strict=True):
                assert room.dtype == array.dtype
                room[...] = array


class Late(Thread):
    """A rank whose arrays change hands when they are waited for, and not before."""

    def start(
        self, send: Sequence[Sequence[NDArray[Any]]], receive: Sequence[Sequence[NDArray[Any]]]
    ) -> Callable[[], None]:
        return lambda: self.exchange(send, receive)


def together(size: int, program: Callable[[Thread], Result], kind: type[Thread] = Thread) -> list[Result]:
    """What the program returns on each rank; raises what the first rank raised that did."""
    results = outcomes(size, program, kind)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return results  # type: ignore[return-value]


def outcomes(
    size: int, program: Callable[[Thread], Result], kind: type[Thread] = Thread
) -> list[Result | BaseException]:
    """What the program returns on each rank, or raises."""
    board = Board(size)

    def run(rank: int) -> Result | BaseException:
        try:
            return program(kind(rank, board))
        except BaseException as error:
            return error

    with ThreadPoolExecutor(size) as pool:
        return list(pool.map(run, range(size)))


def bits(arrays: Sequence[NDArray[Any]]) -> list[bytes]:
    return [np.ascontiguousarray(array).tobytes() for array in arrays]
