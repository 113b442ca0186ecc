"""Which tests has SciPy, and by what are its functions replaced in them?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import pytest

#: The version whose tests the lists of exclusions are about.
VERSION = "1.17"


@dataclass(frozen=True)
class Replacement:
    """A function of onepass, and whether it is meant by a call; one that is not goes to SciPy."""

    ours: Callable[..., Any]
    has: Callable[..., bool] = lambda *args, **kwargs: True


def peer(name: str) -> ModuleType:
    """A module of SciPy's tests; skips where SciPy is another one or came without them."""
    scipy = pytest.importorskip("scipy", minversion=VERSION)
    if not scipy.__version__.startswith(VERSION):
        pytest.skip(f"the exclusions are those of SciPy {VERSION}", allow_module_level=True)
    module: ModuleType = pytest.importorskip(f"scipy.optimize.tests.{name}")
    return module


def collected(module: ModuleType) -> dict[str, Any]:
    """What pytest collects of it: tests, and fixtures for them."""
    fixtures = type(pytest.fixture(lambda: None))
    return {
        name: value
        for name, value in vars(module).items()
        if name.startswith(("test_", "Test")) or isinstance(value, fixtures)
    }
