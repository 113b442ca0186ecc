"""Do all processes mean the same? Each says what it is about to do, and all raise where one cannot or means another."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from onepass.distributed.communicator import Communicator

#: What a process says of itself, by what it is called in error messages.
Said = Mapping[str, str]
_WELL, _FAILED = b"+", b"-"


class Agreement:
    """What processes agree on before any of them changes anything.

    Args:
        owner: opens error messages.
    """

    def __init__(self, owner: str, comm: Communicator) -> None:
        self._owner, self._comm = owner, comm

    def reach(self, said: Said, found: bool = False) -> bool:
        """Collective: whether any process has found something.

        Raises:
            ValueError: naming what a process says otherwise than rank 0; all raise it.
            RuntimeError: another process has failed before it came here; all raise it.
        """
        digest = hashlib.blake2b(repr(sorted(said.items())).encode(), digest_size=16).digest()
        replies = self._comm.gather(_WELL + bytes([found]) + digest)
        self._require_well(replies)
        if any(reply[2:] != replies[0][2:] for reply in replies):
            self._name_difference(said)
        return any(reply[1] for reply in replies)

    @contextmanager
    def or_nobody(self) -> Iterator[None]:
        """What a process does before `reach`: where it fails in this, the others are told, and all raise."""
        try:
            yield
        except BaseException as error:
            self._comm.gather(_FAILED + f"{type(error).__name__}: {error}".encode())
            raise

    def _require_well(self, replies: list[bytes]) -> None:
        for rank, reply in enumerate(replies):
            if reply.startswith(_FAILED):
                raise RuntimeError(
                    f"{self._owner}: rank {rank} has failed, and nothing has changed on any: {reply[1:].decode()}"
                )

    def _name_difference(self, said: Said) -> None:
        texts = self._comm.gather("\0".join(f"{name}\1{text}" for name, text in said.items()).encode())
        each = [dict(line.split("\1") for line in text.decode().split("\0")) for text in texts]
        for rank, other in enumerate(each):
            for name in (*each[0], *other):
                if (ours := each[0].get(name)) != (theirs := other.get(name)):
                    raise ValueError(
                        f"{self._owner}: {name} must be the same on all ranks; rank 0 has {ours}, rank {rank} {theirs}"
                    )
        raise AssertionError("texts that are equal have equal hashes")
