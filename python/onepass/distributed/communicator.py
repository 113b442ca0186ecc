"""What must processes be able to do together? Two calls: each learns some bytes of all, and arrays change hands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

from onepass.distributed.message import Mail


@runtime_checkable
class Communicator(Protocol):
    """Processes that call the same things in the same order; each has a rank from 0 on."""

    @property
    def rank(self) -> int:
        """This process's number."""

    @property
    def size(self) -> int:
        """How many there are."""

    def gather(self, data: bytes) -> list[bytes]:
        """What each process passed, by rank. Nobody returns before all have called."""

    def exchange(self, send: Mail, receive: Mail) -> None:
        """Move bytes from each process to each other.

        Args:
            send: for each rank the arrays that go there.
            receive: for each rank the arrays that are filled with what it sends here, which have the same sizes.
        """


@runtime_checkable
class Overlapping(Communicator, Protocol):
    """Processes that can work while arrays change hands."""

    def start(self, send: Mail, receive: Mail) -> Callable[[], None]:
        """As `exchange`, but the arrays are on their way until what is returned has been called.

        Several may be on their way, and are waited for in any order.
        """


class Serial:
    """One process alone."""

    rank, size = 0, 1

    def gather(self, data: bytes) -> list[bytes]:
        return [data]

    def exchange(self, send: Mail, receive: Mail) -> None:
        pass


def starter(comm: Communicator) -> Callable[[Mail, Mail], Callable[[], None]]:
    """Its `start`; of one that has none, one that waits at once."""
    if isinstance(comm, Overlapping):
        return comm.start

    def exchanged(send: Mail, receive: Mail) -> Callable[[], None]:
        comm.exchange(send, receive)
        return _done

    return exchanged


def _done() -> None:
    pass


def as_communicator(comm: Any) -> Communicator:
    """What was given, by what it is: mpi4py's, torch.distributed's, one of one's own, or None for one process.

    Raises:
        TypeError: it is nothing of the kind.
    """
    if comm is None:
        return Serial()
    if isinstance(comm, Communicator):
        return comm
    module = type(comm).__module__.partition(".")[0]
    if module == "mpi4py":
        from onepass.distributed.mpi import Mpi

        return Mpi(comm)
    if module == "torch":
        from onepass.distributed.gloo import Gloo

        return Gloo(comm)
    raise TypeError(
        "Sharded: comm must be a communicator of mpi4py, a process group of torch.distributed, an object with rank, "
        f"size, gather and exchange, or None, got {comm!r}"
    )
