"""Where do the C++ tests get their programs? From CMake builds of the engine, each made once per session."""

from __future__ import annotations

import functools

import pytest
from builds import Build, Builder, all_levels, configure_and_build


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> Builder:
    """Called with CMake options, gives the build made with them."""

    @functools.cache
    def with_options(*options: str) -> Build:
        return configure_and_build(tmp_path_factory.mktemp("build"), options)

    return with_options


@pytest.fixture(scope="session")
def native(build: Builder) -> Build:
    """All levels of this machine's architecture and the one for all others, by the default compiler."""
    return build(all_levels())
