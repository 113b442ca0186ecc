"""The pages of docs tell the truth: their code runs and prints what they show, and no option is missing."""

from __future__ import annotations

import contextlib
import io
import re
import runpy
import sys
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

import onepass as op
from onepass import _core
from onepass.optimizer.options import MirrorDtype, StateDtype
from onepass.rules import RULES

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
#: Those of the lab have tests of their own, and those below `generated` are written as the site is built.
PAGES = {
    page.relative_to(DOCS).as_posix(): page.read_text()
    for page in sorted(DOCS.rglob("*.md"))
    if page.relative_to(DOCS).parts[0] not in ("generated", "lab")
}
MANUAL = "".join(PAGES.values())

#: What a page's example may need and a reader may lack.
OPTIONAL = ("autograd", "jax", "matplotlib", "ml_dtypes", "optax", "safetensors", "torch")


@dataclass
class Example:
    """A block of Python, and the block of text right below it: what the code prints."""

    code: str
    line: int
    printed: str

    @classmethod
    def all_of(cls, text: str) -> Iterator[Example]:
        for block in re.finditer(r"^```python\n(.*?)^```$(?:\n\n```text\n(.*?)^```$)?", text, re.DOTALL | re.MULTILINE):
            yield cls(block[1], text.count("\n", 0, block.start(1)), block[2] or "")

    def run(self, page: str, namespace: dict[str, Any]) -> str:
        """What the code prints; lines of a traceback are those of the page."""
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            exec(compile("\n" * self.line + self.code, str(DOCS / page), "exec"), namespace)
        return output.getvalue()


def with_code(page: str) -> Any:
    imported = re.findall(r"^(?:import|from) (\w+)", PAGES[page], re.MULTILINE)
    return pytest.param(page, marks=[pytest.mark.peers] if {"jax", "optax", "torch"}.intersection(imported) else [])


@pytest.mark.parametrize("page", [with_code(name) for name, text in PAGES.items() if "```python" in text])
def test_the_code_runs_and_prints_what_is_shown(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # some write files
    namespace: dict[str, Any] = {}
    missing = set()
    for example in Example.all_of(PAGES[page]):
        try:
            printed = example.run(page, namespace)
        except ModuleNotFoundError as error:
            if error.name not in OPTIONAL:
                raise
            if not namespace.keys() - {"__builtins__"}:
                pytest.skip(f"the page begins with {error.name}")
            missing.add(error.name)
            continue
        assert printed == example.printed, f"{page}, line {example.line}, prints\n{printed}"
    if missing:
        pytest.skip(f"the rest runs; without {', '.join(sorted(missing))} some examples cannot")


def test_no_code_is_overlooked() -> None:
    for text in PAGES.values():
        assert text.count("```python") == len(list(Example.all_of(text)))
        assert text.count("```text") == sum(bool(example.printed) for example in Example.all_of(text))


@pytest.mark.parametrize("name", [*(field.name for field in fields(op.Options)), "found_inf"])
def test_every_option_is_described(name: str) -> None:
    assert re.search(rf"`{name}(=[^`]*)?`", MANUAL)


def test_every_value_of_an_option_and_every_field_of_the_record_is_named() -> None:
    for dtype in (*get_args(StateDtype), *get_args(MirrorDtype), "nearest", "stochastic", "kahan"):
        assert f'`"{dtype}"`' in MANUAL
    for field in fields(op.StepRecord):
        assert f"| `{field.name}` |" in PAGES["step.md"]


def test_the_table_of_kinds() -> None:
    kinds: dict[str, dict[str, None]] = {}
    for rule in RULES.values():
        for slot in (slot for slot in rule.slots if slot.of == "element"):
            kinds.setdefault(slot.kind.replace("_", " "), {})[slot.name] = None
    for kind, slots in kinds.items():
        row = re.search(rf"^\| {kind} \| (.*?) \|", PAGES["storage.md"], re.MULTILINE)
        assert row, f"there is no row for {kind}"
        assert sorted(re.findall(r"`(\w+)`", row[1])) == sorted(slots)


def test_the_table_of_choices() -> None:
    """State and traffic of a small and a large tensor, in bytes per float32 parameter, are those of the rules."""
    assert f"more than {_core.cached_elements} elements" in " ".join(PAGES["optimizers.md"].split())
    rows = re.findall(
        r"^\| [^|]+ \| ([^|]*`[^|]*) \| ([\d, ]+) \| ([\d,; ]+) \|$", PAGES["optimizers.md"], re.MULTILINE
    )
    assert len(rows) > 10
    for names, states, moved in rows:
        rules = [RULES[getattr(op, name)([np.ones(1)]).param_groups[0].rule] for name in re.findall(r"`(\w+)`", names)]
        kept = {4 * (len(rule.slots) - len(rule.factors)): rule for rule in rules}
        assert [int(one) for one in states.split(",")] == list(kept), names
        sizes = (_core.cached_elements, _core.cached_elements + 1)
        asked = [dict.fromkeys(4 * rule.transfers(size).total() for size in sizes) for rule in kept.values()]
        told = moved.split(";") if any(len(one) > 1 for one in asked) else moved.split(",")
        assert [[int(one) for one in each.split(",")] for each in told] == [list(one) for one in asked], names


def anchors(text: str) -> set[str]:
    """What GitHub calls the headings."""
    return {
        re.sub(r"[^\w\- ]", "", title).strip().lower().replace(" ", "-")
        for title in re.findall("^#+ (.*)$", text, re.M)
    }


def test_links_lead_somewhere() -> None:
    pages = {DOCS / name: text for name, text in PAGES.items()} | {ROOT / "README.md": (ROOT / "README.md").read_text()}
    for page, text in pages.items():
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            if target.startswith("https:"):
                continue
            path, _, anchor = target.partition("#")
            file = (page.parent / path).resolve() if path else page
            assert file.exists(), f"{page.name} links to {target}"
            assert not anchor or anchor in anchors(pages[file]), f"{page.name} links to {target}"


def test_the_index_names_every_page_but_those_of_the_reference() -> None:
    for name in PAGES.keys() - {"README.md"}:
        assert name.startswith("api/") or f"]({name})" in PAGES["README.md"]


def test_the_pictures_can_be_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("matplotlib")
    pytest.importorskip("ml_dtypes")
    monkeypatch.setattr(sys, "argv", ["pictures.py", str(tmp_path)])
    runpy.run_path(str(DOCS / "pictures.py"), run_name="__main__")
    drawn = sorted(path.name for path in tmp_path.iterdir())
    assert drawn == sorted(path.name for path in DOCS.glob("*.png"))
    assert all(f"]({name})" in MANUAL for name in drawn)
    assert all(path.stat().st_size < 100_000 for path in DOCS.glob("*.png"))
