"""The three steps of CONTRIBUTING.md, walked: the optimizer that they add builds and passes the tests."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import onepass as op

ROOT = Path(__file__).parent.parent


def walk_the_steps(tree: Path) -> None:
    text = (tree / "CONTRIBUTING.md").read_text()
    files = re.findall(r"^`([^`]+)`[^\n]*:\n\n```\w+\n(.*?)```", text, re.MULTILINE | re.DOTALL)
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


@pytest.mark.slow
@pytest.mark.skipif(ROOT in Path(op.__file__).parents, reason="an editable install cannot be shadowed by another build")
def test_an_optimizer_is_added_in_three_steps(tmp_path: Path) -> None:
    tree, site = tmp_path / "tree", tmp_path / "site"
    skipped = shutil.ignore_patterns(".git", "build", ".venv", "__pycache__", "*.so", ".*_cache")
    shutil.copytree(ROOT, tree, ignore=skipped)
    walk_the_steps(tree)
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(site), str(tree)]
    subprocess.run(install, check=True, timeout=600)

    tests = ["test_bits.py", "test_hyperparameters.py", "test_signatures.py", "test_optimizer.py", "test_state_dict.py"]
    chosen = [*(f"tests/{name}" for name in tests), "tests/optimizers/test_convergence.py"]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *chosen]
    environment = os.environ | {"PYTHONPATH": str(site)}
    run = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert run.returncode == 0, run.stdout[-3000:]
    named = subprocess.run(
        [*command, "-k", "signum or Signum", "--collect-only"],
        cwd=tree,
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=True,
    )
    assert named.stdout.count("signum") > 20, "the new rule is enumerated by the tests"
