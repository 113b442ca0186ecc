"""Where are the airfoil measurements for tests? The package does not bring them; tests skip without."""

from __future__ import annotations

from pathlib import Path

import pytest
from shared_data import folder_with

from onepass.lab.data.airfoil import FILE


@pytest.fixture(scope="session")
def airfoil_folder() -> Path:
    """Holds NASA's file, or has a subfolder that does."""
    return folder_with(FILE, "airfoil")
