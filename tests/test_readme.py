"""The README tells the truth: its code runs, and its table of optimizers is the one that the classes give."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from cases import CLASSES

import onepass as op
from onepass.signatures import signatures

README = (Path(__file__).parent.parent / "README.md").read_text()


def optimizer_table() -> str:
    def row(name: str) -> str:
        cls = getattr(op, name)
        rules = ", ".join(f"`{rule}`" for rule in cls.rules)
        slots = dict.fromkeys(slot for rule in cls.rules for slot in signatures[rule].slots)
        return f"| `{name}` | {rules} | {', '.join(f'`{slot}`' for slot in slots) or 'none'} |"

    return "\n".join(row(name) for name in sorted((cls.__name__ for cls in CLASSES), key=str.lower))


def test_the_table_of_optimizers() -> None:
    table = README.partition("| class | rules | state |\n|---|---|---|\n")[2].partition("\n\n")[0]
    assert table == optimizer_table(), f"the table should read\n{optimizer_table()}"


def test_the_code_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # it writes a file
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len(blocks) >= 3
    namespace: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, "README.md", "exec"), namespace)


def test_the_commands_are_those_that_ci_runs() -> None:
    ci = (Path(__file__).parent.parent / ".ci" / "run").read_text()
    for command in ('pip install ".[lab]" && onepass train', 'pip install ".[test]" && pytest'):
        assert f"```sh\n{command}\n```" in README
        assert f"\n{command}\n" in ci


def test_what_is_skipped_without_a_peer_is_run_with_it() -> None:
    """`.ci/run` runs what has the marker once torch and optax are there."""
    for path in Path(__file__).parent.rglob("test_*.py"):
        text = path.read_text()
        if re.search(r"""importorskip\(["'](torch|jax|optax|thinc)""", text):
            assert "mark.peers" in text, f"{path.name} compares with a peer, and no test of it is marked so"
