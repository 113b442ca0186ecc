"""What holds for all tests: threads and their layer as they were, helpers importable, little work for the collector."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

import onepass as op

with suppress(ImportError):  # wheels are tested without it
    import hypothesis  # noqa: F401  (what it looks up among the collector's objects must not be frozen before)

#: Who waits for a thread of OpenMP leaves it the core, which it may lack where tests run beside each other.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

sys.path.insert(0, str(Path(__file__).parent))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[object]:
    """What is imported and collected stays to the end: nobody looks for garbage in it, neither meanwhile nor later."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long comes first: a process that has no more takes over from behind what another has not begun."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture(autouse=True)
def _restore_threads() -> Iterator[None]:
    threads, layer = op.get_num_threads(), op.get_threading_layer()
    yield
    op.set_threading_layer(layer)
    op.set_num_threads(threads)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20)
