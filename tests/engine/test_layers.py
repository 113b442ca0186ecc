"""Law 3, in the text of cpp/: a lower layer includes nothing of an upper one and does not know its words."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from builds import ROOT

CPP = ROOT / "cpp"
ENGINE, RULES = sorted((CPP / "engine").iterdir()), sorted((CPP / "rules").iterdir())
OPTIMIZERS = re.findall(r'name = "(\w+)"', "".join(path.read_text() for path in RULES))
# Instruction sets, storage types and threads, of which a formula is independent.
MACHINE = r"float|f32|f64|bf16|f16|dtype|vector_size|avx\w*|sse\w*|neon|_mm\w*|__m\d+\w*|threads?|omp|atomic"

by_file = pytest.mark.parametrize("path", [*ENGINE, *RULES], ids=lambda path: f"{path.parent.name}/{path.name}")


def includes(path: Path) -> set[str]:
    return {name.strip('"') for name in re.findall(r"#include (\S+)", path.read_text())}


def words(path: Path, pattern: str) -> list[str]:
    return re.findall(rf"\b(?:{pattern})\b", path.read_text(), re.IGNORECASE)


@by_file
def test_includes_point_down(path: Path) -> None:
    if path in ENGINE:
        assert not [name for name in includes(path) if re.match(r"<?(pybind11|Python|bind|check)\b", name)]
        assert not [name for name in includes(path) if name.startswith("rules/") and name != "rules/all.hpp"]
    else:
        own = {file.name for file in RULES}
        assert includes(path) <= own | {"engine/rule.hpp", "engine/simd.hpp", "engine/scalar_math.hpp"}


@by_file
def test_words_stay_in_their_layer(path: Path) -> None:
    assert not words(path, "|".join(OPTIMIZERS) if path in ENGINE else MACHINE)


def test_kernels_include_no_standard_library() -> None:
    """Its templates would be merged across levels. What intrinsics are made of is always inlined."""
    found, waiting = set(), {CPP / "engine" / "kernels.cpp"}
    while waiting:
        path = waiting.pop()
        found.add(path)
        for name in includes(path):
            if name.startswith("<"):
                assert name in ("<stdint.h>", "<immintrin.h>", "<arm_neon.h>"), path
            else:
                beside = path.parent / name
                waiting |= {beside if beside.exists() else CPP / name} - found
    assert found >= set(RULES)
