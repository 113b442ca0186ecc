"""What do the pictures of these pages show? `python docs/pictures.py [DIR]` draws them: here, unless told where."""

from __future__ import annotations

import json
import os
import re
import sys
from contextlib import redirect_stdout
from pathlib import Path

import ml_dtypes
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

import onepass as op
from onepass.formats import decode_slot

# Okabe & Ito's colours, which colour-blind readers tell apart; dashes or widths tell lines apart as well.
BLACK, BLUE, ORANGE, GREEN, PINK = "#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7"

Floats = NDArray[np.floating]


def second_moments(state_dtype: str, rounding: str, drop: int, steps: int, every: int) -> tuple[Floats, Floats]:
    """The step numbers, and the second moments of 4096 elements there, whose gradients fall from 1 to 0.01."""
    optimizer = op.AdamW([np.zeros(4096, np.float32)], state_dtype=state_dtype, state_rounding=rounding)
    numbers, moments = [], []
    for step in range(1, steps + 1):
        optimizer.step([np.full(4096, 1.0 if step <= drop else 0.01, np.float32)])
        if step % every == 0:
            state = optimizer.state[0]
            stored, scales = state["exp_avg_sq"], state.get("exp_avg_sq_scale")
            numbers.append(step)
            moments.append(decode_slot(stored, "second_moment", np.dtype(np.float32), scales).copy())
    return np.array(numbers), np.array(moments)


def draw_second_moments(axes: Axes) -> None:
    # Where lines fall together, the one above is thinner.
    lines = (
        ("bfloat16", "nearest", "bfloat16, to nearest", ORANGE, (0, (5, 1.5)), 2.2),
        ("float8", "nearest", "float8, to nearest", PINK, (0, (1, 1.2)), 2.2),
        ("float8", "stochastic", "float8, stochastic", BLUE, "-", 6.5),
        ("bfloat16", "stochastic", "bfloat16, stochastic", GREEN, "-", 3.5),
        ("float32", "nearest", "float32", BLACK, "-", 1.0),
    )
    for state_dtype, rounding, label, colour, dashes, width in lines:
        steps, moments = second_moments(state_dtype, rounding, drop=1000, steps=5000, every=20)
        axes.plot(steps, moments.mean(axis=1), color=colour, linestyle=dashes, linewidth=width, label=label)
        if rounding == "stochastic":
            low, high = np.percentile(moments, (5, 95), axis=1)
            axes.fill_between(steps, low, high, color=colour, alpha=0.2, linewidth=0)
    axes.axvline(1000, color="0.6", linewidth=0.8)
    axes.annotate("gradients fall\nfrom 1 to 0.01", (1000, 0.0016), (1080, 0.0016), color="0.35")
    axes.set_yscale("log")
    axes.set_xlim(0, 5000)
    axes.set_ylim(0.001, 2)
    axes.set_xlabel("step")
    axes.set_ylabel("second moment (AdamW, beta2 = 0.999)")
    axes.set_title("Mean of 4096 elements; shaded: 5th to 95th percentile", fontsize=10)


def small_steps(rounding: str, steps: int) -> Floats:
    """1000 bfloat16 parameters over the steps, each of which should take 0.0001 off."""
    p = np.ones(1000, ml_dtypes.bfloat16)
    optimizer = op.SGD([p], lr=0.001, rounding=rounding)
    gradient = [np.full(1000, 0.1, np.float32)]
    path = [p.astype(np.float32)]
    for _ in range(steps):
        optimizer.step(gradient)
        path.append(p.astype(np.float32))
    return np.array(path)


def draw_small_steps(axes: Axes) -> None:
    steps = np.arange(1001)
    nearest, stochastic, kahan = (small_steps(rounding, 1000) for rounding in ("nearest", "stochastic", "kahan"))
    for element in range(3):
        label = "stochastic, three elements" if element == 0 else None
        axes.plot(steps, stochastic[:, element], color=BLUE, linewidth=0.7, alpha=0.6, label=label)
    # Where lines fall together, the one above is thinner.
    axes.plot(steps, stochastic.mean(axis=1), color=BLUE, linewidth=6.5, alpha=0.5, label="stochastic, mean of 1000")
    axes.plot(steps, nearest[:, 0], color=ORANGE, linestyle=(0, (5, 1.5)), linewidth=2.2, label="nearest")
    axes.plot(steps, kahan[:, 0], color=GREEN, linewidth=2.0, label="kahan")
    axes.plot(steps, 1 - 0.0001 * steps, color=BLACK, linewidth=0.9, label="exact")
    axes.set_xlim(0, 1000)
    axes.set_xlabel("step")
    axes.set_ylabel("bfloat16 parameter")
    axes.set_title("Steps of 0.0001, less than half a place", fontsize=10)


def draw_speed(axes: Axes) -> None:
    measured = json.loads((Path(__file__).parent / "measurements" / "bars.json").read_text())
    rows = [row for row in measured["rows"] if "drawn" in row]
    for level, (name, colour) in enumerate(zip(measured["levels"], (BLUE, ORANGE), strict=True)):
        known = [(place, row["ratios"][level]) for place, row in enumerate(rows) if row["ratios"][level] is not None]
        places, ratios = np.array(known).T
        drawn = axes.barh(places + 0.38 * (level - 0.5), ratios - 1, 0.36, left=1, color=colour, label=name)
        axes.bar_label(drawn, [f"{ratio:g}" for ratio in ratios], padding=3, fontsize=9)
    axes.axvline(1, color=BLACK, linewidth=0.9)
    axes.set_xscale("log")
    axes.set_xticks([1, 2, 5, 10, 20], labels=["1", "2", "5", "10", "20"])
    axes.set_xlim(0.8, 40)
    axes.set_yticks(range(len(rows)), labels=[row["drawn"] for row in rows])
    axes.invert_yaxis()
    axes.set_xlabel("times as long as onepass")
    axes.set_title("torch's fused AdamW, two threads of Zen 4", fontsize=10)


PICTURES = {"second-moment": draw_second_moments, "small-steps": draw_small_steps, "speed": draw_speed}


def draw_first_steps(folder: Path) -> None:
    """What the code of the first page draws."""
    page = Path(__file__).parent / "index.md"
    before = Path.cwd()
    os.chdir(folder)
    try:
        with redirect_stdout(None):
            exec("".join(re.findall(r"^```python\n(.*?)^```$", page.read_text(), re.DOTALL | re.MULTILINE)), {})
    finally:
        os.chdir(before)


def main(folder: Path) -> None:
    draw_first_steps(folder)
    for name, draw in PICTURES.items():
        figure = Figure(figsize=(8.6, 4.2), dpi=110, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots()
        draw(axes)
        axes.grid(which="major", alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False, handlelength=3.4)
        figure.savefig(folder / f"{name}.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
