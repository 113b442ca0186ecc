"""Who calls a function at the points of its differences? A map of the user's, or the processes of one made for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import Pool
from typing import Any

import numpy as np

from onepass.solve.derivatives import Map


@contextmanager
def mapping(workers: Any) -> Iterator[Map | None]:
    """The map by which differences call a function: the user's, that of so many processes, or None for no other one."""
    if workers is None or callable(workers):
        yield workers
        return
    if isinstance(workers, bool) or not isinstance(workers, int | np.integer) or workers == 0 or workers < -1:
        raise ValueError(
            f"workers must be a map, such as that of a pool, or a number of processes, -1 for all, got {workers!r}"
        )
    if workers == 1:
        yield None
        return
    with Pool(None if workers == -1 else int(workers)) as pool:
        yield pool.map
