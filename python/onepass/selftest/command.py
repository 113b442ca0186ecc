"""What does `onepass selftest` do? It compares what the kernels compute here with golden hashes of the formulas."""

from __future__ import annotations

import argparse
import os
import platform
from collections.abc import Iterable, Iterator
from textwrap import fill
from time import perf_counter

import numpy as np

from onepass import _core
from onepass.config import isas
from onepass.rules import RULES
from onepass.selftest.checking import Findings, check
from onepass.selftest.golden import all_cases, golden
from onepass.selftest.places import Place, levels, teams

#: How many differences are told one by one.
MOST = 30


def configure(parser: argparse.ArgumentParser) -> None:
    """`onepass selftest` has no arguments."""
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Check, and print what was checked and what differs; 1 if something does."""
    # Read when OpenMP is loaded: who waits for one of its threads leaves it the core.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    start = perf_counter()
    by_one, by_teams = levels(), teams()
    found = check(all_cases(), golden(), by_one, by_teams)
    print(f"onepass {_core.version}, {_core.compiler}, NumPy {np.__version__}, {platform.machine()}")
    for line in (*_checked(found, by_one, by_teams), *_not_checked(found)):
        print(fill(line, 110, subsequent_indent="    "))
    print(f"{_verdict(found)}; {perf_counter() - start:.1f} s")
    for line in _wrong(found):
        print(line)
    return 0 if found.is_right else 1


def _checked(found: Findings, by_one: Iterable[Place], by_teams: Iterable[Place]) -> Iterator[str]:
    steps = [case for case in found.checked if case.what in RULES]
    solving = [case for case in found.checked if case.what not in RULES]
    yield _line("rules", (case.what for case in steps))
    yield _line("parameter/gradient/state", (case.layout for case in steps))
    yield _line("options", (case.how for case in steps))
    yield _line("solver kernels", (case.what for case in solving))
    yield _line("instruction sets", (place.isa for place in by_one))
    yield _line(f"teams at {isas()[0]}", (f"{place.layer} ({place.threads})" for place in by_teams))


def _line(title: str, given: Iterable[str]) -> str:
    names = list(dict.fromkeys(given))
    return f"{len(names)} {title}: {', '.join(names)}"


def _not_checked(found: Findings) -> Iterator[str]:
    for package, cases in found.missing.items():
        yield f'not checked, {package} is missing: {len(cases)} results with bfloat16; pip install "onepass[bf16]"'
    for layer, lacks in _core.threading_layers().items():
        if lacks:
            yield f"not checked, {layer}: {lacks}"


def _verdict(found: Findings) -> str:
    said = "all have the bits" if found.is_right else "NOT ALL HAVE THE BITS"
    return f"{len(found.checked):,} results, {found.compared:,} comparisons: {said} of the NumPy formulas"


def _wrong(found: Findings) -> Iterator[str]:
    told = [f"{name}: differs on {'; '.join(map(str, places))}" for name, places in found.wrong.items()]
    told += [f"{name}: has no golden hash; run python -m onepass.selftest --write" for name in found.unknown]
    yield from told[:MOST]
    if len(told) > MOST:
        yield f"... and {len(told) - MOST:,} more"
