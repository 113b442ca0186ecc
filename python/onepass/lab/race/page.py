"""What is on the page of `onepass race --html`? One surface, every racer's way, and sliders that choose another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from plotly import graph_objects as go  # type: ignore[import-untyped]

from onepass.lab.race.grid import LEARNING_RATES, MOMENTA, STEPS, momentum_setting
from onepass.lab.race.page_frames import frames
from onepass.lab.race.relief import ranges
from onepass.lab.race.surfaces import Surface

#: What the sliders show at first.
_LR, _MOMENTUM = LEARNING_RATES.index(0.01), MOMENTA.index(0.9)

# Plays the three frames of a choice, as `page_frames` names them, one after another and in no time.
_SCRIPT = """
const plot = document.getElementById("race");
function show() {
  const surface = plot.layout.updatemenus[0].active;
  const [lr, momentum] = plot.layout.sliders.map(slider => slider.active);
  const frames = [`${surface}`, `${surface}/${lr}`, `${surface}/${lr}/${momentum}`];
  const options = {mode: "immediate", frame: {duration: 0, redraw: true}, transition: {duration: 0}};
  Plotly.animate(plot, frames, options).catch(() => {});  // a later choice interrupts an earlier one
}
plot.on("plotly_sliderchange", show);
plot.on("plotly_buttonclicked", show);
"""


def write_page(
    surfaces: Sequence[Surface],
    names: Sequence[str],
    path: Path,
    *,
    seed: int,
    after_surface: Callable[[], None] = lambda: None,
) -> None:
    """Write one file that needs no server and no network: plotly and all ways are inside."""
    choices: list[go.Frame] = []
    for number, surface in enumerate(surfaces):
        choices += frames(number, surface, names, seed)
        after_surface()
    first = (f"0/{_LR}/{_MOMENTUM}", f"0/{_LR}", "0")
    traces = {
        index: trace
        for frame in choices
        if frame.name in first
        for index, trace in zip(frame.traces, frame.data, strict=True)
    }
    figure = go.Figure([traces[index] for index in sorted(traces)], _layout(surfaces, names), choices)
    figure.update_layout(_view(surfaces[0]))
    figure.write_html(
        path,
        include_plotlyjs=True,
        div_id="race",  # a random one otherwise
        auto_play=False,
        post_script=_SCRIPT,
        config={"displaylogo": False, "responsive": True},
        default_height="90vh",
    )


def _view(surface: Surface) -> dict[str, Any]:
    """What the layout says of a surface."""
    across, up = ranges(surface, STEPS)
    return {
        "title.text": f"{surface.title}: {surface.formula}",
        "xaxis.range": list(across),
        "xaxis.title.text": "x" if surface.size > 1 else "step",
        "yaxis.range": list(up),
        "yaxis.title.text": "y" if surface.size > 1 else "x",
    }


def _layout(surfaces: Sequence[Surface], names: Sequence[str]) -> dict[str, Any]:
    heavy = [name for name in names if momentum_setting(name, 0.0) is not None]
    return {
        "template": "plotly_white",
        "margin": {"t": 80, "b": 180},
        "title": {"subtitle": {"text": f"{STEPS} steps at most; a cross: it left the region"}},
        "legend": {"title": {"text": "click to hide"}},
        "sliders": [
            _slider("learning rate of all", LEARNING_RATES, _LR, y=-0.12),
            _slider(f"momentum of {', '.join(heavy) or 'nobody here'}", MOMENTA, _MOMENTUM, y=-0.34),
        ],
        "updatemenus": [
            {
                "buttons": [
                    {"label": surface.title, "method": "relayout", "args": [_view(surface)]} for surface in surfaces
                ],
                "active": 0,
                "x": 1,
                "xanchor": "right",
                "y": 1.02,
                "yanchor": "bottom",
            }
        ],
    }


def _slider(title: str, values: Sequence[float], active: int, y: float) -> dict[str, Any]:
    return {
        "steps": [{"label": f"{value:g}", "method": "skip"} for value in values],  # the script reads which is active
        "active": active,
        "currentvalue": {"prefix": f"{title}: "},
        "y": y,
        "pad": {"t": 0},
    }
