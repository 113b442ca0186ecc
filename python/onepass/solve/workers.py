"""Who calls the user's functions? A map of the user's, processes made for it, or threads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from multiprocessing import Pool
from threading import Event
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


def in_threads(workers: int, work: Callable[[int], None], items: Iterable[int], is_over: Event) -> None:
    """Does some work for each item, on so many threads, under the caller's `numpy.errstate`.

    An exception passes through when the others have seen that it is over.
    """
    if workers == 1:
        for item in items:
            work(item)
        return
    state: dict[str, Any] = {**np.geterr(), "call": np.geterrcall()}

    def task(item: int) -> None:
        with np.errstate(**state):
            work(item)

    with ThreadPoolExecutor(workers) as pool:
        tasks = [pool.submit(task, item) for item in items]
        try:
            wait(tasks, return_when=FIRST_EXCEPTION)
        finally:
            is_over.set()
        for one in tasks:
            one.result()
