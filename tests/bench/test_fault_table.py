"""docs/comparison.md shows what bench/faults prints: every row, and what torch and onepass make of the inputs here."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "comparison.md").read_text()
ROWS = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", PAGE, re.MULTILINE))
SCRIPTS = sorted(path for path in (ROOT / "bench" / "faults").glob("*.py") if path.stem not in ("table", "ways"))


@pytest.fixture(scope="module")
def table() -> ModuleType:
    spec = importlib.util.spec_from_file_location("fault_table", ROOT / "bench" / "faults" / "table.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_input_has_a_row(table: ModuleType) -> None:
    assert list(ROWS) == [script.stem for script in SCRIPTS] == [script.stem for script in table.cases()]
    for script in SCRIPTS:
        assert ROWS[script.stem].split(" | ")[0] == table.title(script)


@pytest.mark.exhaustive
@pytest.mark.peers
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_the_page_shows_what_is_printed(table: ModuleType, script: Path) -> None:
    pytest.importorskip("torch")
    (told,) = re.findall(r"torch (\d+\.\d+\.\d+)", PAGE)
    if importlib.metadata.version("torch").partition("+")[0] != told:
        pytest.skip(f"the page is about torch {told}")
    cells = ROWS[script.stem].split(" | ")[1:]
    for way, cell in zip(table.WAYS, cells, strict=True):
        if way != "deepspeed":
            assert table.outcome(script, way) == cell
