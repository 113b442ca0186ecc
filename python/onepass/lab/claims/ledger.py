"""What is written down of each claim? A row of the table on the terminal, and an entry for a program to read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from onepass.lab.claims.claim import Claim, Number, Outcome, Verdict

_COLOURS = {Verdict.HOLDS: "green", Verdict.DEPENDS: "yellow", Verdict.FAILS: "red"}


@dataclass(frozen=True)
class Entry:
    """A claim, what came of it, and how long that took."""

    claim: Claim
    outcome: Outcome
    seconds: float

    def described(self) -> dict[str, Any]:
        """For a program to read; the chart's data too."""
        numbers = [asdict(number) | {"missed": number.missed} for number in self.outcome.numbers]
        return {
            "name": self.claim.name,
            "statement": self.claim.statement,
            "source": self.claim.source,
            "verdict": self.outcome.verdict.value,
            "checks": [asdict(check) for check in self.outcome.checks],
            "numbers": numbers,
            "chart": asdict(self.outcome.chart),
            "seconds": self.seconds,
        }


def ledger(entries: Sequence[Entry], title: str) -> Table:
    """One row per claim: its verdict, the numbers in one line, and below it what is not so."""
    table = _table(f"{title}: {_count(entry.outcome.verdict for entry in entries)}")
    table.add_column("Verdict", no_wrap=True)
    table.add_column("Numbers", ratio=3)
    for entry in entries:
        verdict = entry.outcome.verdict
        table.add_row(*_cells(entry.claim), f"[{_COLOURS[verdict]}]{verdict.value}[/]", _numbers(entry.outcome))
    return table


def listing(claims: Iterable[Claim]) -> Table:
    """One row per claim: its name, what it says and who says it."""
    table = _table("")
    for claim in claims:
        table.add_row(*_cells(claim))
    return table


def _table(title: str) -> Table:
    table = Table(title=title, box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True, expand=True, leading=1)
    table.add_column("Claim", ratio=2)
    table.add_column("Source", ratio=1)
    return table


def _cells(claim: Claim) -> tuple[str, str]:
    return f"[bold]{claim.name}[/]\n{claim.statement}", claim.source


def _numbers(outcome: Outcome) -> str:
    wrong = [f"not so: {check.criterion}" for check in outcome.checks if not check.met]
    return "\n".join(["; ".join(_quantities(outcome.numbers)), *wrong])


def _quantities(numbers: Iterable[Number]) -> Iterator[str]:
    """Numbers of one quantity together, such as ``rate: plain = 0.98, with momentum = 0.82``."""
    for quantity, group in groupby(numbers, key=lambda number: number.name.rpartition(": ")[0]):
        texts = [str(number) for number in group]
        yield ", ".join([texts[0], *(text.removeprefix(f"{quantity}: ") for text in texts[1:])])


def _count(verdicts: Iterable[Verdict]) -> str:
    """Such as ``13 hold, 6 depend, 0 fail``."""
    counted = Counter(verdicts)
    return ", ".join(f"{counted[verdict]} {verdict.value.removesuffix('s')}" for verdict in Verdict)
