"""How are measurements shown? As tables of text, as JSON, as a plot."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from comparison.contenders import BASELINE, NAMES, ROOF
from comparison.measure import Entry, Measurement, Settings
from comparison.steps import PLAIN


def seconds_text(seconds: float) -> str:
    """In the unit that fits."""
    for unit, size in (("s ", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e9:.0f} ns"


def title(result: Measurement) -> str:
    threads = "1 thread" if result.threads == 1 else f"{result.threads} threads"
    step = "" if result.recipe.step is PLAIN else f", {result.recipe.step.name}"
    return f"{result.recipe.rule} {result.dtype}{step}, {result.case}, {threads}"


def table(result: Measurement) -> str:
    """A line for each contender, onepass first, then by speed."""
    rows = [("", "median", "x onepass", "quartiles", "GB/s", "of roof", "agrees", "")]
    for name in sorted(result.entries, key=lambda name: (name != BASELINE, result.seconds(name))):
        speedup = result.speedup(name)
        streams = name in (BASELINE, ROOF)
        rows.append(
            (
                name,
                seconds_text(result.seconds(name)),
                f"{speedup.median:.2f}",
                f"{speedup.low:.2f} - {speedup.high:.2f}",
                f"{result.bandwidth(name) / 1e9:.1f}" if streams else "",
                f"{result.of_roof().median:.0%}" if name == BASELINE and ROOF in result.entries else "",
                _agreement(result.entries[name]),
                result.entries[name].remark,
            )
        )
    lines = [title(result), *aligned(rows)]
    lines += [f"  {name} is missing: {reason}" for name, reason in result.missing.items()]
    return "\n".join(lines)


def _agreement(entry: Entry) -> str:
    if entry.deviation is None:
        return ""
    return f"{'' if entry.agrees else 'NO: '}{entry.deviation:.0e}"


def aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """The first and the last column flush left, the others flush right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for first, *middle, last in rows:
        cells = [cell.rjust(width) for cell, width in zip(middle, widths[1:-1], strict=True)]
        lines.append("  ".join(["", first.ljust(widths[0]), *cells, last]).rstrip())
    return lines


def as_json(machine: dict[str, Any], settings: Settings, results: Sequence[Measurement], **more: Any) -> str:
    """Everything, the time of each round included."""
    measurements = [
        {
            "optimizer": result.recipe.rule,
            "hypers": result.recipe.hypers,
            "step": result.recipe.step.name,
            "options": dict(result.recipe.step.options),
            "case": result.case.name,
            "tensors": len(result.case.shapes),
            "elements": result.case.elements,
            "dtype": result.dtype,
            "threads": result.threads,
            "missing": result.missing,
            "contenders": {
                name: {
                    **asdict(entry),
                    "median": result.seconds(name),
                    "x_onepass": asdict(result.speedup(name)),
                    "bytes_per_second": result.bandwidth(name),
                }
                for name, entry in result.entries.items()
            },
        }
        for result in results
    ]
    about = {"machine": machine, "settings": asdict(settings)}
    return json.dumps({**about, "measurements": measurements, **more}, indent=1)


def plot(results: Sequence[Measurement], path: Path) -> None:
    """A panel for each case: how many times as long as onepass each contender takes.

    Raises:
        ImportError: matplotlib is not installed.
    """
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt
    from matplotlib.patches import Patch

    panels: dict[str, list[Measurement]] = {}
    for result in results:
        panels.setdefault(title(result).partition(" ")[2], []).append(result)
    rivals = [name for name in NAMES if name != BASELINE and any(name in result.entries for result in results)]
    colours = {name: f"C{index}" for index, name in enumerate(rivals)}
    height = sum(1.2 + 0.16 * len(rivals) * len(group) for group in panels.values())
    figure, axes = plt.subplots(
        len(panels),
        squeeze=False,
        figsize=(8, height),
        gridspec_kw={"height_ratios": [4 + len(rivals) * len(group) for group in panels.values()]},
        layout="constrained",
    )
    for axis, (heading, group) in zip(axes.flat, panels.items(), strict=True):
        for row, result in enumerate(group):
            present = [name for name in rivals if name in result.entries]
            for place, name in enumerate(present):
                speedup = result.speedup(name)
                where = row + (place + 0.5) / len(present) * 0.8 - 0.4
                error = [[speedup.median - speedup.low], [speedup.high - speedup.median]]
                axis.barh(where, speedup.median - 1, 0.8 / len(present), left=1, xerr=error, color=colours[name])
                axis.text(speedup.high, where, f" {speedup.median:.2g}", va="center", fontsize=7)
        axis.axvline(1, color="black", linewidth=0.8)
        axis.set(xscale="log", title=heading, yticks=range(len(group)))
        axis.set_yticklabels([result.recipe.rule for result in group])
        axis.xaxis.set_major_formatter("{x:g}")
        axis.invert_yaxis()
        axis.margins(x=0.12)
    axes[-1, 0].set_xlabel("time of a step / time of onepass (medians and quartiles of the rounds)")
    handles = [Patch(color=colour, label=name) for name, colour in colours.items()]
    figure.legend(handles=handles, loc="outside upper center", ncols=5, fontsize=8)
    figure.savefig(path, dpi=120)
    plt.close(figure)
