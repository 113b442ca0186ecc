"""What was measured? Tables made of the JSON of `bench/compare.py`, and of the table of bars."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from extension.tables import table

FOLDER = Path(__file__).parent.parent / "measurements"
RIVALS = ("torch-fused", "torch-foreach", "torch-default", "optax", "numpy", "roof")


@cache
def bars() -> dict[str, Any]:
    """The ratios of the README and of the performance page."""
    found: dict[str, Any] = json.loads((FOLDER / "bars.json").read_text())
    return found


@cache
def comparison() -> dict[str, Any]:
    """What `bench/compare.py --json` wrote; empty where nobody has measured."""
    file = FOLDER / "optimizers.json"
    found: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    return found


def bars_table(rows: list[dict[str, Any]]) -> str:
    """How many times as long a rival takes, at each level."""
    shown = ([row["step"], row["where"], row["against"], *map(_ratio, row["ratios"])] for row in rows)
    return table(["step", "", "against", *bars()["levels"]], shown)


def _ratio(value: float | str | None) -> str:
    return "-" if value is None else str(value)


def cost_of(rule: str) -> str:
    """A table of what a step of this rule took, beside its peers; empty if it was not measured."""
    rows = [_cost_row(one) for one in comparison().get("measurements", ()) if one["optimizer"] == rule]
    if not rows:
        return ""
    head = ["elements", "onepass", *(f"`{rival}`" for rival in RIVALS)]
    return f"{table(head, rows)}\n\nTimes of others are multiples of ours. {about()}"


def about() -> str:
    """On what it was measured."""
    found = comparison()
    machine = found["machine"]
    return f"{found['note']} `{found['command']}`; {', '.join(f'{key}: {machine[key]}' for key in found['shown'])}."


def _cost_row(one: dict[str, Any]) -> list[str]:
    entries = one["contenders"]
    ratios = (f"{entries[rival]['x_onepass']['median']:.2g}" if rival in entries else "" for rival in RIVALS)
    return [f"{one['elements']:,} in {one['tensors']}", seconds(entries["onepass"]["median"]), *ratios]


def seconds(value: float) -> str:
    return f"{value * 1e3:.2f} ms" if value >= 1e-3 else f"{value * 1e6:.1f} µs"


class Bars(SphinxDirective):
    """The table of ratios."""

    def run(self) -> list[nodes.Node]:
        found = bars()
        return self.parse_text_to_nodes(f"{found['about']}\n\n{bars_table(found['rows'])}")


class Costs(SphinxDirective):
    """What was measured of every rule."""

    def run(self) -> list[nodes.Node]:
        rules = list(dict.fromkeys(one["optimizer"] for one in comparison().get("measurements", ())))
        return self.parse_text_to_nodes(f"{about()}\n\n{table(self._head(), self._rows(rules))}") if rules else []

    @staticmethod
    def _head() -> list[str]:
        return ["rule", "elements", "onepass", *(f"`{rival}`" for rival in RIVALS)]

    @staticmethod
    def _rows(rules: list[str]) -> Iterator[list[str]]:
        for one in comparison()["measurements"]:
            yield [f"`{one['optimizer']}`", *_cost_row(one)]


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("bars", Bars)
    app.add_directive("costs", Costs)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
