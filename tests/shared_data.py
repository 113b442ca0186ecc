"""Where are the data that the package does not bring? Where ONEPASS_DATA says, or beside the project; else skip."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

FOLDER = Path(os.environ.get("ONEPASS_DATA", Path(__file__).parents[2] / "shared" / "data"))


def folder_with(file: str, subfolder: str) -> Path:
    """The folder, which has the file, gzipped or not, itself or in its subfolder; the test is skipped if it has not."""
    if not any(any(place.glob(f"{file}*")) for place in (FOLDER, FOLDER / subfolder)):
        pytest.skip(f"{file} is not in {FOLDER}; ONEPASS_DATA may name another folder")
    return FOLDER
