"""What is compared? Work that both sides do, under the name by which its golden hash is found."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from onepass.selftest.digest import digest
from onepass.selftest.sides import Side


@dataclass(frozen=True)
class Case:
    """Attributes:
    results: all that the work brings about.
    is_shared: it is large enough to be shared among threads.
    packages: what it takes beside NumPy.
    """

    name: str
    results: Callable[[Side], Iterable[Any]]
    is_shared: bool = False
    packages: tuple[str, ...] = ()

    def digest(self, side: Side) -> str:
        return digest(self.results(side))
