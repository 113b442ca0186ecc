"""What must the benchmark show? The rows of the tables of the core and of the whole step, each with its bar."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby, product

import onepass as op
from comparison.contenders import BASELINE, ROOF
from comparison.measure import Measurement
from comparison.report import aligned, seconds_text
from comparison.steps import PLAIN
from onepass.signatures import signatures


@dataclass(frozen=True)
class Bar:
    """onepass is to be so many times as fast as a rival.

    Attributes:
        family: the row of the table.
        at_least: the rival's time over that of onepass, for the roof its bandwidth; None for a figure that is only to
            be seen.
        step: of `steps.STEPS`.
        under: seconds that a step of onepass may take.
        isa: the instruction set that it takes; elsewhere it is a figure.
    """

    family: str
    rule: str
    dtype: str
    case: str
    rival: str
    at_least: float | None
    step: str = PLAIN.name
    under: float | None = None
    isa: str | None = None

    def __str__(self) -> str:
        step = [] if self.step in (PLAIN.name, self.family) else [self.step]
        return "/".join([self.family, self.rule, self.dtype, *step, self.case, self.rival])

    @property
    def workload(self) -> tuple[str, str, str, str]:
        return self.rule, self.dtype, self.case, self.step


@dataclass(frozen=True)
class Verdict:
    """What was measured for a bar; met is None if it could not be, or if there was nothing to meet."""

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
    yield Bar("cold", "adamw", f32, "1e3-cold", "numpy-add", 1 / 3)
    yield Bar("cold", "adamw", f32, "1e3-cold", "torch-fused", None)
    for rule in ("rmsprop", "adadelta", "adamax", "nadam"):
        yield Bar("eager", rule, f32, "64M", "torch-default", 4)
    for rule in ("rmsprop", "adadelta", "nadam"):
        yield Bar("compile", rule, f32, "mlp", "torch-compile", 3)
        yield Bar("compile", rule, f32, "64M", "torch-compile", 0.97)
    for rule, dtype in product(signatures, both):
        yield Bar("roof", rule, dtype, "64M", ROOF, 0.9 if len(signatures[rule].rule.stages) == 1 else 0.85)
    for rule, dtype in product(signatures, both):
        yield Bar("numpy", rule, dtype, "1e6", "numpy", 10)
    yield from _bars_of_the_whole_step()


def _bars_of_the_whole_step() -> Iterable[Bar]:
    f32, bf16, f16, v4_bf16 = "float32", "bfloat16", "float16", "x86_v4_bf16"
    for step, torch_bar, deepspeed_bar in (("bfloat16-state-nearest", 1.5, 1.2), ("bfloat16-state", 1.3, 1)):
        for case in ("1e6", "64M"):
            yield Bar("low-precision", "adamw", bf16, case, "torch-fused", torch_bar, step)
        yield Bar("low-precision", "adamw", bf16, "1e6", "deepspeed", deepspeed_bar, step, isa=v4_bf16)
    yield Bar("low-precision", "adamw", f16, "64M", "torch-fused", 1.5, "float16-state-nearest")
    yield Bar("small-state", "adamw", f32, "64M", "onepass-plain", 1.3, "bfloat16-state")
    yield Bar("small-state", "adamw", f32, "64M", "onepass-plain", 1.3, "float8-state")
    yield Bar("clip", "adamw", f32, "64M", "torch-fused", 1.3, "clip")
    yield Bar("clip", "adamw", f32, "64M", "torch-fused-scaled", None, "clip")
    yield Bar("clip", "adamw", f32, "64M", "optax", 3, "clip")
    for case, at_least in (("gpt2", 1.6), ("500x64x64", 4)):
        yield Bar("whole", "adamw", f32, case, "torch-fused", at_least, "whole")
        yield Bar("whole", "adamw", f32, case, "torch-fused-scaled", at_least, "whole")
    yield Bar("sparse", "adagrad", f32, "table", "torch-sparse", 5)
    yield Bar("subnormal", "adamw", f32, "1e6", "onepass-plain", None, "decayed")
    yield Bar("subnormal", "adamw", f32, "1e6", "onepass-normal", None, "decayed")


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
        reasons = (result.missing.get(name) for name in (BASELINE, bar.rival))
        return Verdict(bar, f"not measured: {next(filter(None, reasons), 'not offered')}", None)
    if not result.entries[bar.rival].agrees:
        return Verdict(bar, "not comparable: the results differ", None)
    speedup = result.of_roof() if bar.rival == ROOF else result.speedup(bar.rival)
    measured = f"{speedup.median:.2f} ({speedup.low:.2f} - {speedup.high:.2f})"
    if bar.at_least is None:
        return Verdict(bar, measured, None)
    if bar.isa and not _reaches(bar.isa):
        return Verdict(bar, f"{measured}, the bar is for {bar.isa}", None)
    own = result.seconds(BASELINE)
    if bar.under is None:
        return Verdict(bar, measured, speedup.median >= bar.at_least)
    return Verdict(bar, f"{measured}, {seconds_text(own)}", speedup.median >= bar.at_least and own < bar.under)


def _reaches(isa: str) -> bool:
    """Whether the instruction set in use is this one or a better one."""
    best_first = op.isas()
    return isa in best_first[best_first.index(str(op.show_config()["isa"])) :]


def verdict_table(verdicts: Sequence[Verdict]) -> str:
    """A line for each bar."""
    words = {True: "met", False: "MISSED", None: "?"}
    rows = [("row", "bar", "measured", "")]
    for one in sorted(verdicts, key=lambda one: BARS.index(one.bar)):
        under = f", < {seconds_text(one.bar.under)}" if one.bar.under else ""
        at_least = "none" if one.bar.at_least is None else f"{one.bar.at_least:g}{under}"
        rows.append((str(one.bar), at_least, one.measured, "" if one.bar.at_least is None else words[one.met]))
    return "\n".join(aligned(rows))
