"""How is a formula of several stages computed? Between two of them state is stored, and sums are added up."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence

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
    sums: list[float] | None = None
    stage = 0
    while True:
        try:
            pairs = result.send(sums)  # type: ignore[arg-type]  # None starts it
        except StopIteration as end:
            store(stage)
            descent: Array = end.value
            return descent
        sums = [sum(tile_sums(x.ravel(order="K"), y.ravel(order="K"))) for x, y in pairs]  # as they lie in memory
        store(stage)
        stage += 1
