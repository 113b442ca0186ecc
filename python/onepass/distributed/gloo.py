"""How do processes of torch.distributed work together? By sends and receives of CPU tensors, which gloo has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.distributed as dist

from onepass.arrays import Array
from onepass.distributed.message import Mail, as_bytes


class Gloo:
    """A process group whose backend moves CPU tensors: gloo's.

    Args:
        group: such as ``torch.distributed.group.WORLD``.
    """

    def __init__(self, group: Any) -> None:
        self._group = group
        self.rank: int = dist.get_rank(group)
        self.size: int = dist.get_world_size(group)
        self._global = [dist.get_global_rank(group, rank) for rank in range(self.size)]

    def gather(self, data: bytes) -> list[bytes]:
        lengths = [int(length) for length in self._gathered(torch.tensor([len(data)]))]
        longest = max(1, *lengths)
        own = torch.frombuffer(bytearray(data.ljust(longest, b"\0")), dtype=torch.uint8)
        rows = self._gathered(own)
        return [row.numpy()[:length].tobytes() for row, length in zip(rows, lengths, strict=True)]

    def _gathered(self, own: torch.Tensor) -> list[torch.Tensor]:
        each = [torch.empty_like(own) for _ in range(self.size)]
        dist.all_gather(each, own, group=self._group)
        return each

    def exchange(self, send: Mail, receive: Mail) -> None:
        self.start(send, receive)()

    def start(self, send: Mail, receive: Mail) -> Callable[[], None]:
        works = []
        for distance in range(1, self.size):
            source, target = (self.rank - distance) % self.size, (self.rank + distance) % self.size
            for array in receive[source]:
                works.append(dist.irecv(_tensor(array), self._global[source], group=self._group))
            for array in send[target]:
                works.append(dist.isend(_tensor(array), self._global[target], group=self._group))

        def wait() -> None:
            for work in works:
                if work is not None:
                    work.wait()

        return wait


def _tensor(array: Array) -> torch.Tensor:
    """The same memory but where that is read-only, which no tensor is."""
    buffer = as_bytes(array)
    if not buffer.flags.writeable:
        buffer = buffer.copy()
    return torch.from_numpy(buffer)
