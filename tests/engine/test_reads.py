"""Does a step look at what the stages of its rule read, and at nothing else? cpp/check/reads.cpp says what it saw."""

from __future__ import annotations

import re

from builds import ROOT, Build, run

from onepass import _core
from onepass.rules import RULES

ADDENDS = 3


def expected() -> list[str]:
    """Every array once in each stage that reads it; of a gradient that is a sum every addend."""
    lines = []
    for rule in (RULES[record["name"]] for record in _core.rules() if record["in_buffers"]):
        arrays = ["p", "g", *(slot.name for slot in rule.slots if slot not in rule.factors)]
        for kind in ("bf16", "sum"):
            for number, stage in enumerate(rule.stages):
                read = [name for name in arrays if name in stage.reads]
                if kind == "sum":
                    read = ADDENDS * [name for name in read if name == "g"]
                lines.append(" ".join([rule.name, str(number), kind, *(f"{name}:1" for name in read)]))
    return lines


def test_each_stage_looks_at_what_it_reads(native: Build) -> None:
    assert run(native.program("reads")).splitlines() == expected()


def unnamed(text: str) -> list[str]:
    """The steps of a header that take by value what has no name; who descends by what is returned reads p himself."""
    steps = re.findall(r"\b(F|void) step\(const Coefs<F>&\s*\w*,\s*(.*?)\)", text, re.DOTALL)
    return [taken for kind, taken in steps if "F" in re.split(r",\s*", taken)[1 if kind == "F" else 0 :]]


def test_what_a_stage_does_not_name_it_does_not_read() -> None:
    """In the text of the rules: of what has no name nothing can be used."""
    for path in sorted((ROOT / "cpp").glob("*/*.hpp")):
        assert not unnamed(path.read_text()), f"{path.name}: take Unread"
    assert unnamed("static void step(const Coefs<F>&, F, F g, F& m) {")
    assert unnamed("static F step(const Coefs<F>& c, F p, F, F m) {")
