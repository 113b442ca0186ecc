"""Where are data that do not come along? In a folder that the user names."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

VARIABLE = "ONEPASS_DATA"


def find_files(
    what: str, subfolder: str, names: Sequence[str], folder: Path | None = None, way_out: str = ""
) -> dict[str, Path]:
    """The path of each file, all in one folder, as they are or gzipped.

    Args:
        what: the data set's name, for the message.
        subfolder: where the files may be inside the folder.
        names: of the files, without ``.gz``.
        folder: None: what the environment variable ONEPASS_DATA names.
        way_out: what to do without them, for the message.

    Raises:
        FileNotFoundError: they are not there; the message says which, and the ways out.
    """
    if folder is None and VARIABLE in os.environ:
        folder = Path(os.environ[VARIABLE])
    places = [] if folder is None else [folder, folder / subfolder]
    found = [_there(place, names) for place in places]
    for files in found:
        if len(files) == len(names):
            return files
    missing = [name for name in names if name not in max(found, key=len, default={})]
    where = " or ".join(map(str, places)) or "the package"
    raise FileNotFoundError(
        f"{what}: there is no {', '.join(missing)} (as it is or as .gz) in {where}; name the folder of "
        f"{'its file' if len(names) == 1 else 'its files'} with --data-dir DIR or the environment variable {VARIABLE}"
        + (f", or {way_out}" if way_out else "")
    )


def _there(place: Path, names: Sequence[str]) -> dict[str, Path]:
    return {name: path for name in names for path in (place / f"{name}.gz", place / name) if path.is_file()}
