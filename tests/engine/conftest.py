"""Where do the C++ tests get their programs? From CMake builds of the engine."""

from __future__ import annotations

import pytest
from builds import Build, all_levels, build


@pytest.fixture(scope="session")
def native() -> Build:
    """All levels of this machine's architecture and the one for all others, by the default compiler."""
    return build(all_levels())
