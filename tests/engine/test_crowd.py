"""Law 3 among threads: callers that share work at once, with teams that grow, do not race; and that a race is found."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from builds import ROOT, need

# What shares work; the layer that is a runtime's own would have to be compiled with the sanitizer, too.
SOURCES = [ROOT / "cpp/engine" / name for name in ("pool.cpp", "threads.cpp", "openmp_absent.cpp")]
CROWD = Path(__file__).with_name("crowd.cpp")
FLAGS = ["-std=c++20", "-O1", "-g", "-fsanitize=thread", "-pthread", f"-I{ROOT / 'cpp'}"]


def found_in(program: Path, *sources: Path) -> subprocess.CompletedProcess[str]:
    """What ThreadSanitizer says of this program."""
    subprocess.run([need("g++"), *FLAGS, *sources, "-o", program], check=True)
    options = os.environ | {"TSAN_OPTIONS": "halt_on_error=1 exitcode=66"}
    return subprocess.run([program], env=options, capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.slow
def test_callers_at_once_do_not_race(tmp_path: Path) -> None:
    done = found_in(tmp_path / "crowd", CROWD, *SOURCES)
    assert (done.returncode, done.stdout) == (0, "0 wrong\n"), done.stderr[:5000]


@pytest.mark.slow
def test_a_race_is_found(tmp_path: Path) -> None:
    """A pool whose turns are not taken one by one."""
    pool = SOURCES[0].read_text()
    turn = "if (!turn) return body(context, 0, work);"
    assert pool.count(turn) == 1
    (tmp_path / "pool.cpp").write_text(pool.replace(turn, "").replace('"signals.hpp"', '"engine/signals.hpp"'))
    text = (tmp_path / "pool.cpp").read_text().replace('"pool.hpp"', '"engine/pool.hpp"')
    (tmp_path / "pool.cpp").write_text(text)
    done = found_in(tmp_path / "crowd", CROWD, tmp_path / "pool.cpp", *SOURCES[1:])
    assert done.returncode == 66
    assert "data race" in done.stderr
