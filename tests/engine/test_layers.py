"""Law 3, in the text of cpp/: a lower layer includes nothing of an upper one and does not know its words."""

from __future__ import annotations

import re
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from builds import ROOT

CPP = ROOT / "cpp"
# A folder may include itself and those before it; nothing includes a folder of the last row.
ORDER = [["language"], ["rules"], ["kernel"], ["engine"], ["solve"], ["bind", "check"]]
BELOW = {folder: {lower for row in ORDER[:i] for lower in row} for i, row in enumerate(ORDER) for folder in row}
FILES = sorted(path.relative_to(CPP) for path in CPP.glob("*/*.?pp"))
# Compiled for more than one processor: a template of the standard library would be merged across levels by the linker.
# What intrinsics are made of is always inlined.
PER_LEVEL = [path for path in FILES if path.parts[0] in ("language", "rules", "kernel")]
INTRINSICS = {"<immintrin.h>", "<arm_neon.h>"}

RULES = [path for path in FILES if path.parts[0] == "rules"]
OPTIMIZERS = re.findall(r'name = "(\w+)"', "".join((CPP / path).read_text() for path in RULES))
# Instruction sets, storage types and threads, of which a formula is independent.
MACHINE = r"float|f32|f64|bf16|f16|dtype|vector_size|avx\w*|sse\w*|neon|_mm\w*|__m\d+\w*|threads?|omp|atomic"


def included(path: Path) -> set[Path]:
    """Files of cpp/, as seen from there."""
    names = re.findall(r'#include "(.+)"', (CPP / path).read_text())
    return {path.parent / name if (CPP / path.parent / name).exists() else Path(name) for name in names}


def system_headers(path: Path) -> set[str]:
    return set(re.findall(r"#include (<.+>)", (CPP / path).read_text()))


def words(path: Path, pattern: str) -> list[str]:
    return re.findall(rf"\b(?:{pattern})\b", (CPP / path).read_text(), re.IGNORECASE)


def by_file(files: list[Path]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("path", files, ids=str)


def test_every_folder_has_its_place() -> None:
    assert {path.parts[0] for path in FILES} == set(BELOW)


@by_file(FILES)
def test_includes_point_down(path: Path) -> None:
    folder = path.parts[0]
    generated = {Path("levels.inc"), Path("families.inc")}
    assert {other.parts[0] for other in included(path) - generated} <= BELOW[folder] | {folder}
    rules = {other for other in included(path) if other.parts[0] == "rules"}
    assert folder == "rules" or rules <= {Path("rules/all.hpp")}, "who names a rule does not serve them all alike"


def test_no_header_includes_itself() -> None:
    TopologicalSorter({path: included(path) for path in FILES}).prepare()


@by_file(PER_LEVEL)
def test_what_is_compiled_per_level_includes_no_standard_library(path: Path) -> None:
    assert system_headers(path) - INTRINSICS <= {"<stdint.h>"}
    assert path.name == "convert.hpp" or not system_headers(path) & INTRINSICS


@by_file([path for path in FILES if path.parts[0] in ("language", "kernel", "engine", "solve")])
def test_only_rules_are_named_after_optimizers(path: Path) -> None:
    assert not words(path, "|".join(OPTIMIZERS))


@by_file(RULES)
def test_a_formula_knows_no_machine(path: Path) -> None:
    assert not words(path, MACHINE)
