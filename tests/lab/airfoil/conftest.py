"""Where are the airfoil measurements for tests? The package does not bring them; tests skip without."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from onepass.lab.data.airfoil import FILE

BESIDE_THE_PROJECT = Path(__file__).parents[4] / "shared" / "data"


@pytest.fixture(scope="session")
def airfoil_folder() -> Path:
    """Holds NASA's file, or has a subfolder that does: where ONEPASS_DATA says, or beside the project."""
    folder = Path(os.environ.get("ONEPASS_DATA", BESIDE_THE_PROJECT))
    if not any(any(folder.glob(f"{place}{FILE}*")) for place in ("", "airfoil/")):
        pytest.skip(f"{FILE} is not in {folder}; ONEPASS_DATA may name another folder")
    return folder
