"""What must the benchmark show? The rows of the table in the core, each with its bar."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby, product

from comparison.contenders import BASELINE
from comparison.measure import Measurement
from comparison.report import aligned, seconds_text
from onepass.signatures import signatures


@dataclass(frozen=True)
class Bar:
    """onepass is to be so many times as fast as a rival.

    Attributes:
        family: the row of the table.
        at_least: the rival's time over that of onepass.
        under: seconds that a step of onepass may take.
    """

    family: str
    rule: str
    dtype: str
    case: str
    rival: str
    at_least: float
    under: float | None = None

    def __str__(self) -> str:
        return f"{self.family}/{self.rule}/{self.dtype}/{self.case}/{self.rival}"

    @property
    def workload(self) -> tuple[str, str, str]:
        return self.rule, self.dtype, self.case


@dataclass(frozen=True)
class Verdict:
    """What was measured for a bar; met is None if it could not be."""

    bar: Bar
    measured: str
    met: bool | None


def _bars() -> Iterable[Bar]:
    f32, both = "float32", ("float32", "float64")
    yield Bar("adamw", "adamw", f32, "64M", "torch-fused", 0.97)
    yield Bar("adamw", "adamw", f32, "1e6", "torch-fused", 1.3)
    yield Bar("adamw", "adamw", f32, "500x64x64", "torch-fused", 4)
    yield Bar("adamw", "adamw", f32, "500x64x64", "torch-default", 20)
    yield Bar("adamw", "adamw", f32, "mlp", "torch-fused", 3)
    yield Bar("adamw", "adamw", f32, "1e3", "torch-fused", 10, under=4e-6)
    for rule in ("rmsprop", "adadelta", "adamax", "nadam"):
        yield Bar("eager", rule, f32, "64M", "torch-default", 4)
    for rule in ("rmsprop", "adadelta", "nadam"):
        yield Bar("compile", rule, f32, "mlp", "torch-compile", 3)
        yield Bar("compile", rule, f32, "64M", "torch-compile", 0.97)
    for rule, dtype in product(signatures, both):
        yield Bar("roof", rule, dtype, "64M", "roof", 0.9)
    for rule, dtype in product(signatures, both):
        yield Bar("numpy", rule, dtype, "1e6", "numpy", 10)


#: In the order of the table.
BARS = tuple(_bars())


def bars(wanted: Iterable[str] = ()) -> list[list[Bar]]:
    """The bars whose name contains one of the words, or all, in groups that one measurement can answer."""
    words = tuple(wanted)
    chosen = [bar for bar in BARS if not words or any(word in str(bar) for word in words)]
    chosen.sort(key=lambda bar: bar.workload)
    return [list(group) for _, group in groupby(chosen, key=lambda bar: bar.workload)]


def judge(bar: Bar, result: Measurement) -> Verdict:
    """Compare the median with the bar; a rival that computes something else proves nothing."""
    if bar.rival not in result.entries:
        return Verdict(bar, f"not measured: {result.missing.get(bar.rival, 'not offered')}", None)
    if not result.entries[bar.rival].agrees:
        return Verdict(bar, "not comparable: the results differ", None)
    speedup = result.speedup(bar.rival)
    measured = f"{speedup.median:.2f} ({speedup.low:.2f} - {speedup.high:.2f})"
    own = result.seconds(BASELINE)
    if bar.under is None:
        return Verdict(bar, measured, speedup.median >= bar.at_least)
    return Verdict(bar, f"{measured}, {seconds_text(own)}", speedup.median >= bar.at_least and own < bar.under)


def verdict_table(verdicts: Sequence[Verdict]) -> str:
    """A line for each bar."""
    words = {True: "met", False: "MISSED", None: "?"}
    rows = [("row", "bar", "measured", "")]
    for one in sorted(verdicts, key=lambda one: BARS.index(one.bar)):
        under = f", < {seconds_text(one.bar.under)}" if one.bar.under else ""
        rows.append((str(one.bar), f"{one.bar.at_least:g}{under}", one.measured, words[one.met]))
    return "\n".join(aligned(rows))
