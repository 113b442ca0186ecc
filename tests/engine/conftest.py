"""Where do the C++ tests get their programs? From CMake builds of the engine."""

from __future__ import annotations

import pytest
from builds import Build, build


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What compiles all levels is slow."""
    for item in items:
        if "native" in getattr(item, "fixturenames", ()) and not item.get_closest_marker("exhaustive"):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def native() -> Build:
    """The levels that pip builds here, by the default compiler, whose objects a compiler's cache has from there."""
    return build()
