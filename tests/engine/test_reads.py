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
    assert run(native.directory / "cpp" / "check" / "reads").splitlines() == expected()


def test_what_a_stage_does_not_name_it_does_not_read() -> None:
    """In the text of the rules: of what has no name nothing can be used."""
    for path in sorted((ROOT / "cpp").glob("*/*.hpp")):
        for arguments in re.findall(r"\bstep\((const Coefs<F>&.*?)\)", path.read_text(), re.DOTALL):
            assert not re.search(r"\bF\s*(,|$)", arguments), f"{path.name}: step({arguments})"
