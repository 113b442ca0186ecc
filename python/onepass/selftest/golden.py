"""Where do the golden hashes stand, and whose are they? In golden.txt, a line for each case; the NumPy formulas'."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from onepass.selftest.case import Case
from onepass.selftest.digest import digest
from onepass.selftest.sides import FORMULAS
from onepass.selftest.solving import solver_cases
from onepass.selftest.steps import step_cases

FILE = Path(__file__).with_name("golden.txt")


def all_cases() -> Iterator[Case]:
    yield from step_cases()
    yield from solver_cases()


def golden() -> dict[str, str]:
    """The hash of each case by its name."""
    lines = FILE.read_text(encoding="utf-8").splitlines()
    return {name: found for name, _, found in (line.rpartition(" ") for line in lines)}


def lines() -> Iterator[str]:
    """What the file must be: made by the formulas, without a kernel."""
    for case in all_cases():
        yield f"{case.name} {digest(case.prepared(FORMULAS)())}\n"
