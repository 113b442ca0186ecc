"""In which order do exchange and step go? The next bucket comes while one is stepped, and then goes out to all."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from onepass.distributed.pieces import ON_THEIR_WAY, Pieces

Wait = Callable[[], None]


class Pipeline:
    """What a process does before each bucket of a step, and behind the last.

    Args:
        incoming: what starts to bring the gradients of a bucket; None if they are there.
        outgoing: what goes to all when a bucket has been stepped.
        count: of buckets.
    """

    def __init__(self, incoming: Callable[[int], Wait] | None, outgoing: Sequence[Pieces], count: int) -> None:
        self._incoming, self._outgoing, self._count = incoming, outgoing, count
        self._arrives: Wait | None = None
        self._leave: list[list[Wait]] = []

    def before(self, number: int) -> None:
        """Collective: the gradients of this bucket are there, and the one before it goes out."""
        if number:
            self._send(number - 1)
        if self._incoming is None:
            return
        if self._arrives is None:
            self._arrives = self._incoming(number)
        self._arrives()
        if number + 1 < self._count:
            self._arrives = self._incoming(number + 1)

    def _send(self, number: int) -> None:
        if len(self._leave) == ON_THEIR_WAY:
            self._finish(self._leave.pop(0))
        self._leave.append([pieces.start(number) for pieces in self._outgoing])

    def end(self) -> None:
        """Collective: all has gone out."""
        self._send(self._count - 1)
        while self._leave:
            self._finish(self._leave.pop(0))

    @staticmethod
    def _finish(waits: Sequence[Wait]) -> None:
        for wait in waits:
            wait()
