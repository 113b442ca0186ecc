"""Does the benchmark of saving and loading measure the same files, and say whether its bars are met?"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[2] / "bench"


def test_it_says_whether_the_bars_are_met(tmp_path: Path) -> None:
    pytest.importorskip("safetensors.numpy")
    command = [
        sys.executable,
        str(BENCH / "checkpoint.py"),
        "--bytes",
        "1e6",
        "--rounds",
        "2",
        "--folder",
        str(tmp_path),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    lines = done.stdout.splitlines()
    assert (len(lines), done.stderr) == (7, "")
    assert lines[0] == "0.00 GB, 2 rounds"
    assert done.returncode == ("NOT MET" in done.stdout)
    assert all(line.endswith("met") or line.endswith("NOT MET") for line in lines[-2:])
    assert list(tmp_path.iterdir()) == []
