"""Where is it computed? On each instruction set, and by each team that may share the work."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from onepass import _core
from onepass.config import (
    get_num_threads,
    get_threading_layer,
    isas,
    set_num_threads,
    set_threading_layer,
    usable_cores,
    use_isa,
)


@dataclass(frozen=True)
class Place:
    """A level, and a team."""

    isa: str
    layer: str
    threads: int

    def __str__(self) -> str:
        return f"{self.isa}, {self.layer}, {self.threads} thread{'s' * (self.threads > 1)}"


@contextmanager
def running(isa: str, layer: str, threads: int) -> Iterator[None]:
    """On this level, by this team."""
    before = get_threading_layer(), get_num_threads()
    set_threading_layer(layer)
    set_num_threads(threads)
    try:
        with use_isa(isa):
            yield
    finally:
        set_threading_layer(before[0])
        set_num_threads(before[1])


def levels() -> list[Place]:
    """Every instruction set that this machine runs, by one thread."""
    return [Place(isa, "serial", 1) for isa in isas()]


def teams() -> list[Place]:
    """Every layer that can be had here, on one thread and on several, with the best instruction set."""
    several = max(2, min(usable_cores(), 8))
    return [
        Place(isas()[0], layer, threads)
        for layer, lacks in _core.threading_layers().items()
        if not lacks and layer != "serial"
        for threads in (1, several)
    ]
