"""The README tells the truth: its code runs, and its table is what was measured."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def test_the_table_is_that_of_the_measurements(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "docs")
    measurements = importlib.import_module("extension.measurements")
    table = measurements.bars_table([row for row in measurements.bars()["rows"] if row.get("readme")])
    assert f"\n\n{table}\n\n" in README, f"the table should read\n{table}"


def test_it_fits_on_a_screen() -> None:
    assert len(README.splitlines()) <= 70


def test_the_code_runs() -> None:
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert blocks
    namespace: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, "README.md", "exec"), namespace)


def test_the_commands_are_those_that_ci_runs() -> None:
    ci = (ROOT / ".ci" / "run").read_text()
    for command in ('pip install ".[lab]" && onepass train', 'pip install ".[test]" && pytest'):
        assert f"```sh\n{command}\n```" in README
        assert f"\n{command}\n" in ci


def test_what_is_skipped_without_a_peer_is_run_with_it() -> None:
    """`.ci/run` runs what has the marker once torch and optax are there."""
    for path in Path(__file__).parent.rglob("test_*.py"):
        text = path.read_text()
        if re.search(r"""importorskip\(["'](torch|jax|optax|thinc)""", text):
            assert "mark.peers" in text, f"{path.name} compares with a peer, and no test of it is marked so"
