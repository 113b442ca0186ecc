"""Do type checkers find a user's mistakes, and nothing where there is none? By mypy and pyright, run on two files."""

from __future__ import annotations

import json
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

FILES = Path(__file__).parent / "typing"
#: Commands after which the file is named.
CHECKERS = {
    "mypy": ["-m", "mypy", "--strict", "--config-file=", "--no-error-summary", "--no-color-output"],
    "pyright": ["-m", "pyright", "--outputjson", "--pythonpath", sys.executable],
}


def lines_with_errors(checker: str, file: Path, folder: Path) -> list[int]:
    """The lines of a user's file, which lies in no project, in which a type checker finds an error."""
    pytest.importorskip(checker)
    copy = shutil.copy(file, folder / file.name)
    done = subprocess.run(
        [sys.executable, *CHECKERS[checker], str(copy)], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    if checker == "pyright":
        found = json.loads(done.stdout)["generalDiagnostics"]
        return [one["range"]["start"]["line"] + 1 for one in found if one["severity"] == "error"]
    return [int(line.split(":")[1]) for line in done.stdout.splitlines() if ": error: " in line]


def test_good_calls_are_good() -> None:
    runpy.run_path(str(FILES / "good_calls.py"))


@pytest.mark.parametrize("checker", CHECKERS)
def test_nothing_is_found_in_good_calls(checker: str, tmp_path: Path) -> None:
    assert lines_with_errors(checker, FILES / "good_calls.py", tmp_path) == []


@pytest.mark.parametrize("checker", CHECKERS)
def test_every_planted_mistake_is_found(checker: str, tmp_path: Path) -> None:
    file = FILES / "mistakes.py"
    planted = [number for number, line in enumerate(file.read_text().splitlines(), 1) if line.endswith("# error")]
    assert sorted(set(lines_with_errors(checker, file, tmp_path))) == planted
