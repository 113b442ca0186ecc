"""The steps of CONTRIBUTING.md, walked: the optimizer that they add builds, and the tests are green."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import onepass as op

ROOT = Path(__file__).parent.parent


def files_of(text: str) -> list[tuple[str, str]]:
    """The files that the page adds: name and content."""
    return re.findall(r"^`([^`]+)`[^\n]*:\n\n```\w+\n(.*?)```", text, re.MULTILINE | re.DOTALL)


def walk_the_steps(tree: Path) -> None:
    text = (tree / "CONTRIBUTING.md").read_text()
    files = files_of(text)
    assert [Path(name).name for name, _ in files] == ["signum.hpp", "signum.py", "signum.py"]
    for name, content in files:
        (tree / name).write_text(content)
    rows = re.findall(r"Its rows in `([^`]+)`: `([^`]+)` [^`]*`([^`]+)` in", text)
    assert len(rows) == 2
    for name, import_row, list_row in rows:
        lines = (tree / name).read_text().splitlines(keepends=True)
        first_import = next(i for i, line in enumerate(lines) if line.startswith(("#include", "from ")))
        lines.insert(first_import, f"{import_row}\n")
        first_of_list = next(
            i for i, line in enumerate(lines) if line.endswith("families{\n") or line.startswith("__all__")
        )
        lines.insert(first_of_list + 1, f"    {list_row}\n")
        (tree / name).write_text("".join(lines))


def add_what_pytest_asks_for(tree: Path, site: Path) -> None:
    """Both files of hashes, as the page says."""
    text = (tree / "CONTRIBUTING.md").read_text()
    (commands,) = re.findall(r"```sh\n(cmake [^`]*> tests/engine/golden_hashes.txt\n)```", text)
    shell = ["env", f"PATH={Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", "sh", "-e", "-c", commands]
    subprocess.run(shell, cwd=tree, check=True, capture_output=True, timeout=600)
    (command,) = re.findall(r"```sh\npython (-m onepass.selftest .*)\n```", text)
    environment = os.environ | {"PYTHONPATH": str(site)}
    subprocess.run([sys.executable, *command.split()], cwd=tree, env=environment, check=True, timeout=600)


def run_pytest(tree: Path, site: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "pytest", "-q", *arguments]
    environment = os.environ | {"PYTHONPATH": str(site)}
    run = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, timeout=1200, check=False)
    assert run.returncode == 0, run.stdout[-5000:]
    return run.stdout


#: Asks for all levels.
FOR_ALL_LEVELS = "--deselect=tests/test_config.py::test_the_probe_agrees_with_the_operating_system"
#: All tests of what has its name, and those of all files and rules.
ITS_OWN = [
    [FOR_ALL_LEVELS, "-m", "not slow", "-k", "signum or Signum"],
    [f"tests/{name}" for name in ("engine/test_layers.py", "selftest", "test_docs.py", "test_imports.py")],
]


def test_the_rule_and_the_formula_are_of_this_core(tmp_path: Path) -> None:
    """That they fit what they include and import; `nox -s steps` walks all of the page."""
    if not (compiler := shutil.which("g++")):
        pytest.skip("needs g++")
    (_, rule), (_, formula), _ = files_of((ROOT / "CONTRIBUTING.md").read_text())
    (tmp_path / "signum.hpp").write_text(rule)
    unit = tmp_path / "signum.cpp"
    unit.write_text(
        '#include "kernel/family.hpp"\n#include "signum.hpp"\nauto all = onepass::family_of(onepass::signum_rules);\n'
    )
    flags = ["-std=c++20", "-fsyntax-only", f"-I{ROOT / 'cpp'}", "-DONEPASS_LEVEL=generic", "-DONEPASS_PACK_BYTES=16"]
    done = subprocess.run([compiler, *flags, "-Wno-psabi", unit], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

    names: dict[str, Any] = {}
    exec(formula, names)
    p, g, buffer = np.ones(2), np.array([4.0, -4.0]), np.zeros(2)
    descent = names["signum_"](p, g, buffer, step=1, lr=0.5, momentum=0.9, weight_decay=0.0)
    assert descent.tolist() == [0.5, -0.5]


@pytest.mark.skipif(ROOT in Path(op.__file__).parents, reason="an editable install cannot be shadowed by another build")
@pytest.mark.skipif("x86_v3" not in op.isas(), reason="the page's commands are for processors with AVX2")
@pytest.mark.parametrize(
    ("runs", "levels"),
    [
        pytest.param(ITS_OWN, "x86_v3", marks=pytest.mark.exhaustive, id="its own tests"),
        pytest.param([[FOR_ALL_LEVELS]], "x86_v3;x86_v2", marks=pytest.mark.exhaustive, id="all tests"),
    ],
)
def test_an_optimizer_is_added_in_three_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runs: list[list[str]], levels: str
) -> None:
    tree, site = tmp_path / "tree", tmp_path / "site"
    monkeypatch.setenv("CCACHE_BASEDIR", str(tree))  # where there is a compiler's cache, it knows the copy again
    skipped = shutil.ignore_patterns(".git", "build", ".venv", "__pycache__", "*.so", ".*_cache")
    shutil.copytree(ROOT, tree, ignore=skipped)
    walk_the_steps(tree)
    built = f"cmake.define.ONEPASS_LEVELS={levels}"
    install = ["pip", "install", "--quiet", "--no-deps", "--target", str(site), "-C", built, str(tree)]
    subprocess.run([sys.executable, "-m", *install], check=True, timeout=600)
    files = tree / "tests" / "engine" / "golden_hashes.txt", site / "onepass" / "selftest" / "golden.txt"
    before = {file: file.read_text().splitlines() for file in files}

    add_what_pytest_asks_for(tree, site)
    for file, lines in before.items():
        added = [line for line in file.read_text().splitlines() if "signum" in line]
        assert added
        assert [line for line in file.read_text().splitlines() if line not in added] == lines
    for arguments in runs:
        run_pytest(tree, site, *arguments)
    assert run_pytest(tree, site, "-n", "0", "-k", "signum or Signum", "--collect-only").count("signum") > 20
