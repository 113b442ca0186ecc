"""How is a formula of several stages computed? Between two of them state is stored, and sums are added up."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence

from onepass.arrays import Array
from onepass.reference.kernels.sums import tile_sums

#: What a stage asks for: pairs of arrays, the sums of whose products it gets.
Sums = Sequence[tuple[Array, Array]]
#: A formula of several stages: it yields between two of them, and returns what the parameter descends by.
Staged = Generator[Sums, list[float], Array]


def descent_of(result: Array | Staged, store: Callable[[int], None]) -> Array:
    """What the parameter descends by.

    Args:
        result: what the formula returned.
        store: called with the number of each stage behind it: what it has written is stored, and read again.
    """
    if not isinstance(result, Generator):
        store(0)
        return result
    (descent,) = pooled_descents([result], [store])
    return descent


def pooled_descents(results: Sequence[Staged], stores: Sequence[Callable[[int], None]]) -> list[Array]:
    """As `descent_of`, of several parameters whose sums are added."""
    sums: list[float] | None = None
    stage = 0
    while True:
        asked: list[Sums] = []
        descents: list[Array] = []
        for result in results:
            try:
                asked.append(result.send(sums))  # type: ignore[arg-type]  # None starts it
            except StopIteration as end:
                descents.append(end.value)
        of_each = [[_sum(x, y) for x, y in pairs] for pairs in asked]
        for store in stores:
            store(stage)
        if descents:
            return descents
        sums = [sum(one) for one in zip(*of_each, strict=True)]
        stage += 1


def plain_descents(results: Iterable[Array | Staged], *, pooled: bool) -> Iterator[Array]:
    """What parameters descend by whose state is stored as it is computed, each by itself or all together."""
    if not pooled:
        yield from (descent_of(result, _as_it_is) for result in results)
        return
    staged = [result for result in results if isinstance(result, Generator)]
    yield from pooled_descents(staged, [_as_it_is] * len(staged))


def _as_it_is(stage: int) -> None:
    """State in the dtype of the arithmetic."""


def _sum(x: Array, y: Array) -> float:
    return sum(tile_sums(x.ravel(order="K"), y.ravel(order="K")))  # as they lie in memory
