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


#: What each notebook needs, and a line that one of its cells prints; the cells look at the rest themselves.
NOTEBOOKS: dict[str, tuple[tuple[str, ...], str]] = {
    "first_steps": (("matplotlib",), "the same bits: True"),
    "torch": (("torch",), "['exp_avg', 'exp_avg_sq', 'step'] 100.0"),
}


def marked(name: str, needs: tuple[str, ...]) -> Any:
    return pytest.param(name, marks=[pytest.mark.peers] if {"torch", "autograd"}.intersection(needs) else [])


def environment() -> dict[str, str]:
    """Without our variables. Who waits for a thread leaves it the core, as tests run beside each other."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("ONEPASS_")}
    return clean | {"OMP_WAIT_POLICY": "passive", "OMP_NUM_THREADS": "1"}


@pytest.mark.parametrize("name", [marked(name, program.needs) for name, program in PROGRAMS.items()])
def test_what_a_program_prints_is_true(name: str, tmp_path: Path) -> None:
    program = PROGRAMS[name]
    for module in program.needs:
        pytest.importorskip(module)
    command = [sys.executable, str(EXAMPLES / f"{name}.py")]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=300, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    found = re.fullmatch(program.prints, done.stdout)
    assert found, done.stdout
    assert program.holds(**{group: float(number) for group, number in found.groupdict().items()}), done.stdout
    assert not any(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("name", [marked(name, needs) for name, (needs, _) in NOTEBOOKS.items()])
def test_a_notebook_runs_from_top_to_bottom(name: str, tmp_path: Path) -> None:
    needs, line = NOTEBOOKS[name]
    nbclient = pytest.importorskip("nbclient")
    for module in ("ipykernel", *needs):
        pytest.importorskip(module)
    notebook = read_notebook(EXAMPLES / f"{name}.ipynb")
    client = nbclient.NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute(env=environment())
    outputs = [one for cell in notebook.cells for one in cell.get("outputs", ())]
    assert not [one for one in outputs if one.get("name") == "stderr"]
    assert line in "".join(one.get("text", "") for one in outputs).splitlines()
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_is_valid_and_kept_without_outputs(name: str) -> None:
    notebook = read_notebook(EXAMPLES / f"{name}.ipynb")
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert notebook.metadata.kernelspec.name == "python3"
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert code
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)


def read_notebook(path: Path) -> Any:
    nbformat = pytest.importorskip("nbformat")
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    return notebook


def test_every_notebook_is_listed_and_checked() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.ipynb")} == NOTEBOOKS.keys()
    table = (EXAMPLES / "README.md").read_text()
    assert all(f"[{name}.ipynb]({name}.ipynb)" in table for name in NOTEBOOKS)


def test_every_program_is_listed_checked_and_short() -> None:
    programs = {path.stem: path.read_text() for path in EXAMPLES.glob("*.py")}
    assert programs.keys() == PROGRAMS.keys()
    table = (EXAMPLES / "README.md").read_text()
    for name, text in programs.items():
        assert f"[{name}.py]({name}.py)" in table
        assert len(text.splitlines()) <= 90
        assert f"python examples/{name}.py" in (ast.get_docstring(ast.parse(text)) or "")
