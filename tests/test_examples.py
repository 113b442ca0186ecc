"""Do the examples run, and is it true what they print? Each in a process of its own, as a reader starts it."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"


@dataclass(frozen=True)
class Program:
    """What a program needs besides NumPy, what it prints, and what must hold of the numbers there.

    Times are those of a machine that others use, so little is asked of their ratios.
    """

    needs: tuple[str, ...]
    prints: str
    holds: Callable[..., bool]


PROGRAMS: dict[str, Program] = {
    "numpy_mlp": Program(
        ("sklearn",),
        r"params: (?P<plain>[\d.]+)% of the test set\nema: (?P<averaged>[\d.]+)% of the test set\n"
        r"resumed at epoch 5, the same bits: True\n",
        lambda plain, averaged: min(plain, averaged) > 95,
    ),
    "autograd_loop": Program(
        ("autograd",),
        r"loss (?P<first>[\d.]+) at the start, (?P<last>[\d.]+) after 100 steps\n"
        r"the weights of autograd's adam: True\nan update takes \d+ us, autograd's (?P<gain>[\d.]+) times that\n",
        lambda first, last, gain: last < first / 10 and gain > 0.8,
    ),
    "torch_loop": Program(
        ("torch",),
        r"loss (?P<first>[\d.]+) at the start, (?P<last>[\d.]+) at the end; with torch's step (?P<torchs>[\d.]+)\n"
        r"no loss differs by more than (?P<difference>\S+) of it\n"
        r"a step takes \d+ us, torch's (?P<gain>[\d.]+) times that\n",
        lambda first, last, torchs, difference, gain: (
            last < first / 10 and abs(last - torchs) <= 1e-4 and difference < 1e-4 and gain > 0.8
        ),
    ),
    "finetune_8bit": Program(
        ("torch", "sklearn"),
        r"before: (?P<before>[\d.]+)% of the turned digits\n"
        r"float32: (?P<whole>[\d.]+)% right, (?P<bytes>[\d.]+) bytes of state per weight\n"
        r"float8: (?P<small>[\d.]+)% right, (?P<few>[\d.]+) bytes of state per weight\n"
        r"memory saved: (?P<saved>\d+)% of the optimizer's\n",
        lambda before, whole, bytes, small, few, saved: (
            small > before + 40 and abs(small - whole) < 2 and bytes == 8 and few < 2.4 and saved > 70
        ),
    ),
    "sparse_embeddings": Program(
        (),
        r"(?P<right>\d+)% of the texts right after 20 steps\nthe same table, bit for bit: True\n"
        r"(?P<rows>\d+) of 100000 rows have a gradient\n"
        r"a step takes [\d.]+ ms, with an array of the table's size (?P<gain>\d+) times that\n",
        lambda right, rows, gain: right > 95 and 2500 < rows < 3072 and gain > 1,
    ),
    "curve_fits": Program(
        ("scipy",),
        r"(?P<converged>\d+) of 1000 fits converged in \d+ ms\n"
        r"errors of height, rate, background: (?P<height>[\d.]+), (?P<rate>[\d.]+), (?P<background>[\d.]+)\n"
        r"a loop over SciPy's least_squares finds the same in (?P<gain>\d+) times that\n",
        lambda converged, height, rate, background, gain: (
            converged == 1000 and max(height, rate, background) < 0.015 and gain > 5
        ),
    ),
}


def marked(name: str, needs: tuple[str, ...]) -> Any:
    return pytest.param(name, marks=[pytest.mark.peers] if {"torch", "autograd"}.intersection(needs) else [])


@pytest.mark.parametrize("name", [marked(name, program.needs) for name, program in PROGRAMS.items()])
def test_what_a_program_prints_is_true(name: str, tmp_path: Path) -> None:
    program = PROGRAMS[name]
    for module in program.needs:
        pytest.importorskip(module)
    clean = {key: value for key, value in os.environ.items() if not key.startswith("ONEPASS_")}
    # Who waits for a thread leaves it the core, which it may lack where tests run beside each other.
    clean |= {"OMP_WAIT_POLICY": "passive", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(EXAMPLES / f"{name}.py")]
    done = subprocess.run(command, cwd=tmp_path, env=clean, capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    found = re.fullmatch(program.prints, done.stdout)
    assert found, done.stdout
    assert program.holds(**{group: float(number) for group, number in found.groupdict().items()}), done.stdout
    assert not any(tmp_path.iterdir())


def test_every_program_is_listed_checked_and_short() -> None:
    programs = {path.stem: path.read_text() for path in EXAMPLES.glob("*.py")}
    assert programs.keys() == PROGRAMS.keys()
    table = (EXAMPLES / "README.md").read_text()
    for name, text in programs.items():
        assert f"[{name}.py]({name}.py)" in table
        assert len(text.splitlines()) <= 90
        assert f"python examples/{name}.py" in (ast.get_docstring(ast.parse(text)) or "")
