"""What do tests of the lab share? The data that the package does not bring, and a browser; they skip without."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from browser import browser as browser

BESIDE_THE_PROJECT = Path(__file__).parents[3] / "shared" / "data"


@pytest.fixture(scope="session")
def mnist_folder() -> Path:
    """Holds the files of MNIST, or has a subfolder that does: where ONEPASS_DATA says, or beside the project."""
    folder = Path(os.environ.get("ONEPASS_DATA", BESIDE_THE_PROJECT))
    if not any(any(folder.glob(f"{place}t10k-images-idx3-ubyte*")) for place in ("", "mnist/")):
        pytest.skip(f"MNIST is not in {folder}; ONEPASS_DATA may name another folder")
    return folder
