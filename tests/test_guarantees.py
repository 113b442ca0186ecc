"""docs/guarantees.md tells the truth: the tests that it names exist, and every fault and promise has its row."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
PAGE = (TESTS.parent / "docs" / "guarantees.md").read_text()
TRIED, _, NOT_REACHED = PAGE.partition("\n## Not reached\n")
#: How many faults each group has.
FAULTS = {"A": 15, "B": 27, "C": 12, "D": 13, "E": 18, "F": 16, "G": 6, "H": 12}
PROMISES = 14


def rows(text: str, pattern: str) -> Iterator[tuple[str, str]]:
    """The first cell of each row of a table that looks like this, and the last."""
    for line in text.splitlines():
        first, _, rest = line.removeprefix("| ").partition(" | ")
        if re.fullmatch(pattern, first):
            yield first, rest.rpartition(" | ")[2].removesuffix(" |")


def numbered(cell: str) -> Iterator[str]:
    for part in cell.split(", "):
        first, _, last = part.partition(" to ")
        group, low = first[0], int(first[1:])
        yield from (f"{group}{number}" for number in range(low, int(last[1:] if last else low) + 1))


@cache
def names_in(file: str) -> frozenset[str]:
    tree = ast.parse((TESTS / file).read_text())
    return frozenset(
        node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    )


def faults_of(test: str) -> set[str]:
    """The numbers in a test's name."""
    (found,) = re.findall(r"^test_((?:[A-H]\d+_)*)", test)
    return set(found.split("_")) - {""}


FAULT_ROWS = list(rows(TRIED, r"[A-H]\d+"))
BY_NUMBER = sorted(file.relative_to(TESTS).as_posix() for file in (TESTS / "faults").glob("test_*.py"))


def test_every_fault_has_one_row() -> None:
    tested = [first for first, _ in FAULT_ROWS]
    elsewhere = [number for first, _ in rows(NOT_REACHED, r"[A-H]\d+.*") for number in numbered(first)]
    assert sorted(tested + elsewhere) == sorted(f"{group}{i + 1}" for group, n in FAULTS.items() for i in range(n))


def test_every_promise_has_a_row() -> None:
    assert [first for first, _ in rows(TRIED, r"P\d+")] == [f"P{number + 1}" for number in range(PROMISES)]


@pytest.mark.parametrize(("row", "named"), [*FAULT_ROWS, *rows(TRIED, r"P\d+")])
def test_what_a_row_names_exists(row: str, named: str) -> None:
    references = re.findall(r"`([\w/]+\.py)(?:::(test_\w+))?`", named)
    assert references
    for file, test in references:
        if test:
            assert test in names_in(file)
        elif row[0] != "P":
            assert any(row in faults_of(name) for name in names_in(file)), f"no test of {file} has {row} in its name"
        else:
            assert names_in(file)


def test_what_is_tested_by_number_is_in_its_row() -> None:
    named = dict(FAULT_ROWS)
    for file in BY_NUMBER:
        for test in names_in(file):
            assert faults_of(test), f"{file}::{test} has no number"
            for fault in faults_of(test):
                assert f"`{file}`" in named[fault], f"the row of {fault} lacks {file}"
