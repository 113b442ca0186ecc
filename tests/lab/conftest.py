"""What do tests of the lab share? The data that the package does not bring, and a browser; they skip without."""

from __future__ import annotations

from pathlib import Path

import pytest
from browser import browser as browser
from shared_data import folder_with


@pytest.fixture(scope="session")
def mnist_folder() -> Path:
    """Holds the files of MNIST, or has a subfolder that does."""
    return folder_with("t10k-images-idx3-ubyte", "mnist")
