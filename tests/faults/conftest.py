"""What do the tests of faults share? The check of a refusal: the error says what is wrong, and nothing has changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
from cases import Snapshot

from onepass.optimizer import Optimizer

Context = Callable[..., AbstractContextManager[None]]


@pytest.fixture
def unchanged() -> Context:
    """A context at whose end an optimizer must be bit for bit what it was."""

    @contextmanager
    def unchanged(optimizer: Optimizer) -> Iterator[None]:
        before = Snapshot(optimizer)
        yield
        before.assert_unchanged()

    return unchanged


@pytest.fixture
def refused(unchanged: Context) -> Context:
    """A context in which an optimizer must be refused something, and be bit for bit what it was."""

    @contextmanager
    def refused(optimizer: Optimizer, error: Any, match: str) -> Iterator[None]:
        with unchanged(optimizer), pytest.raises(error, match=match):
            yield

    return refused
