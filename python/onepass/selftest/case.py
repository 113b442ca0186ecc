"""What is compared? Work that both sides do, under the name by which its golden hash is found."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from onepass.selftest.sides import Side

#: Does the work, and results in all that it brings about; as often as it is called, the same.
Run = Callable[[], Iterable[Any]]


@dataclass(frozen=True)
class Case:
    """Some work.

    Attributes:
        what: a rule, or an operation of the solvers.
        layout: in which dtypes.
        how: with which options.
        is_shared: it is large enough to be shared among threads.
        packages: what it takes beside NumPy.
    """

    what: str
    layout: str
    how: str
    prepared: Callable[[Side], Run]
    is_shared: bool = False
    packages: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return f"{self.what} {self.layout} {self.how}{' shared' * self.is_shared}"
