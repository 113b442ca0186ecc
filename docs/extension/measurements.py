"""What was measured? The ratios of `measurements/bars.json`, and what `bench/compare.py --json` wrote, as tables."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from extension.tables import table

FOLDER = Path(__file__).parent.parent / "measurements"
RIVALS = ("torch-fused", "torch-foreach", "torch-default", "optax", "numpy")


@cache
def bars() -> dict[str, Any]:
    """The ratios of the README and of the performance page."""
    found: dict[str, Any] = json.loads((FOLDER / "bars.json").read_text())
    return found


@cache
def comparison() -> dict[str, Any]:
    """What `bench/compare.py --json` wrote on a quiet machine; without measurements where nobody has."""
    file = FOLDER / "optimizers.json"
    found: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {"measurements": []}
    return found


def bars_table(rows: list[dict[str, Any]]) -> str:
    """How many times as long a rival takes, at each level."""
    shown = ([row["step"], row["where"], row["against"], *map(_ratio, row["ratios"])] for row in rows)
    return table(["step", "", "against", *bars()["levels"]], shown)


def _ratio(value: float | str | None) -> str:
    return "-" if value is None else str(value)


def cost_of(rule: str) -> str:
    """A table of what a step of this rule took, beside its peers; empty if it was not measured."""
    rows = [_cost_row(one) for one in comparison()["measurements"] if one["optimizer"] == rule]
    return f"{about()}\n\n{table(_HEAD, rows)}" if rows else ""


def costs_table() -> str:
    """The same of every rule that was measured."""
    rows = [[f"`{one['optimizer']}`", *_cost_row(one)] for one in comparison()["measurements"]]
    return f"{about()}\n\n{table(['rule', *_HEAD], rows)}" if rows else ""


def about() -> str:
    """On what it was measured."""
    machine, rounds = comparison()["machine"], comparison()["settings"]["rounds"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items() if name != "thinc")
    return (
        f"How many times as long the others take for a step in float32: medians of {rounds} rounds on "
        f"{machine['processor']}, {machine['onepass']['isa']}, {versions}, with a load of {machine['load']:.1f} on "
        f"{machine['cores']} cores."
    )


def _cost_row(one: dict[str, Any]) -> list[str]:
    entries = one["contenders"]
    ratios = (f"{entries[rival]['x_onepass']['median']:.2g}" if rival in entries else "" for rival in RIVALS)
    took = f"{entries['onepass']['median'] * 1e6:,.1f}"
    return [f"{one['elements']:,} in {one['tensors']}", str(one["threads"]), took, *ratios]


#: The columns of a row of costs; a rival's is its time over that of onepass.
_HEAD = ["elements in tensors", "threads", "onepass, µs", *(f"`{rival}`" for rival in RIVALS)]
