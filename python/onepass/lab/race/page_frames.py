"""What does the page of a race show for each choice? Plotly's frames: a surface, and every racer's way on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from plotly import graph_objects as go  # type: ignore[import-untyped]

from onepass.lab.race.grid import LEARNING_RATES, MOMENTA, STEPS, line, momentum_setting, runs_for
from onepass.lab.race.outcome import Run
from onepass.lab.race.relief import mark, relief
from onepass.lab.race.surfaces import Surface
from onepass.lab.style import Style, styles

_WIDTH = 2.5


def frames(number: int, surface: Surface, names: Sequence[str], seed: int) -> Iterator[go.Frame]:
    """All choices on one surface.

    A choice is made of three frames: "surface", the surface itself; "surface/rate", the racers without momentum, whose
    ways depend on the learning rate alone; and "surface/rate/momentum", the others. All three are numbers.
    Traces 0 to 2 are the surface, 3 and 4 the heads of the ways of the two kinds of racers; then come the ways.
    """
    places = {name: 5 + place for place, name in enumerate(names)}
    look = styles(names)
    yield go.Frame(name=f"{number}", data=_surface(surface), traces=[0, 1, 2])
    plain: dict[str, dict[str, Any]] = {name: {} for name in names if momentum_setting(name, 0.0) is None}
    for lr, runs in enumerate(_runs(surface, plain, seed)):
        yield go.Frame(name=f"{number}/{lr}", data=_ways(runs, look), traces=[3, *(places[name] for name in plain)])
    for momentum, value in enumerate(MOMENTA):
        heavy = {name: setting for name in names if (setting := momentum_setting(name, value)) is not None}
        for lr, runs in enumerate(_runs(surface, heavy, seed)):
            yield go.Frame(
                name=f"{number}/{lr}/{momentum}",
                data=_ways(runs, look),
                traces=[4, *(places[name] for name in heavy)],
            )


def _runs(surface: Surface, settings: Mapping[str, Mapping[str, Any]], seed: int) -> Iterator[list[Run]]:
    """For each learning rate the run of every racer."""
    by_racer = [runs_for(name, surface, setting, seed) for name, setting in settings.items()]
    return ([runs[index] for runs in by_racer] for index in range(len(LEARNING_RATES)))


def _ways(runs: Sequence[Run], look: Mapping[str, Style]) -> list[go.Scatter]:
    """The heads, then the way of each racer."""
    lines = [line(run) for run in runs]
    heads = go.Scatter(
        x=[float(x[-1]) for x, _ in lines],
        y=[float(y[-1]) for _, y in lines],
        mode="markers",
        marker={
            "color": [look[run.racer].colour for run in runs],
            "symbol": ["x" if run.left else "circle" for run in runs],
            "size": 10,
            "line": {"color": "white", "width": 1},
        },
        text=[f"{run.racer}: {run.outcome.value}, value {run.value:.3g}" for run in runs],
        hoverinfo="text",
        showlegend=False,
        cliponaxis=False,
    )
    return [heads, *(_way(run, xy, look[run.racer]) for run, xy in zip(runs, lines, strict=True))]


def _way(run: Run, xy: Any, style: Style) -> go.Scatter:
    pen = {"color": style.colour, "width": _WIDTH, "dash": _dash(style)}
    return go.Scatter(x=xy[0], y=xy[1], mode="lines", name=run.racer, line=pen, hoverinfo="name")


def _dash(style: Style) -> str:
    """Matplotlib's dashes, which are multiples of the line's width, in plotly's pixels."""
    if isinstance(style.dashes, str):
        return {"-": "solid", "-.": "dashdot"}[style.dashes]
    return ",".join(f"{_WIDTH * length:g}px" for length in style.dashes[1])


def _surface(surface: Surface) -> list[Any]:
    across, up, heights = (part.astype(np.float32) for part in relief(surface, STEPS, resolution=100))
    contour = go.Contour(
        x=across,
        y=up,
        z=heights,
        ncontours=18,
        colorscale=[[0, "#D3DDE6"], [1, "#FFFFFF"]],
        line={"color": "#8A99A6", "width": 0.5},
        showscale=False,
        hoverinfo="skip",
    )
    return [
        contour,
        _marks(surface.minima, "minimum", symbol="star", size=14),
        _marks((surface.start,), "start", symbol="circle-open", size=11),
    ]


def _marks(points: Sequence[tuple[float, ...]], name: str, **marker: Any) -> go.Scatter:
    marks = [mark(point) for point in points]
    return go.Scatter(
        x=[x for x, _ in marks],
        y=[y for _, y in marks],
        mode="markers",
        name=name,
        marker={"color": "black", **marker},
        hoverinfo="name",
        cliponaxis=False,
    )
