"""Where is the data that the package does not bring? Where ONEPASS_DATA says, or beside the project; else skip."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

BESIDE_THE_PROJECT = Path(__file__).parents[3] / "shared" / "data"


@pytest.fixture(scope="session")
def mnist_folder() -> Path:
    """Holds the files of MNIST, or has a subfolder that does."""
    folder = Path(os.environ.get("ONEPASS_DATA", BESIDE_THE_PROJECT))
    if not any(any(folder.glob(f"{place}t10k-images-idx3-ubyte*")) for place in ("", "mnist/")):
        pytest.skip(f"MNIST is not in {folder}; ONEPASS_DATA may name another folder")
    return folder
