"""How does the loss look from all sides? A page to turn and zoom the surface, with the optimizers' paths on it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from plotly import graph_objects  # type: ignore[import-untyped]

from onepass.arrays import Array
from onepass.lab.landscape.levels import contour_levels, drawable, powers_of_ten
from onepass.lab.landscape.results import Track, View
from onepass.lab.landscape.surface_plot import COLOURS
from onepass.lab.style import Style, styles

_DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")


def write_explorer(view: View, title: str, path: Path) -> None:
    """Write one HTML file that needs no server and no network: plotly is inside.

    The paths are drawn where they are on the common plane, at the loss there, which is on the surface, and lifted by a
    twentieth so that they can be seen. A button draws them at the loss of the points themselves, which are off the
    plane.
    """
    look = styles(track.label for track in view.tracks)
    patterns = list(dict.fromkeys(style.dashes for style in look.values()))
    figure = graph_objects.Figure(
        [
            _solid(view),
            *(
                _line(track, look[track.label], _DASHES[patterns.index(look[track.label].dashes) % len(_DASHES)])
                for track in view.tracks
            ),
        ]
    )
    first, second = view.plane.shares
    figure.update_layout(
        title={"text": title, "x": 0.5},
        template="plotly_white",
        margin={"l": 0, "r": 0, "b": 0, "t": 90},
        legend={"x": 0, "y": 0.9, "title": {"text": "click to hide"}},
        scene={
            "xaxis": {"title": {"text": f"first component ({first:.1%})"}},
            "yaxis": {"title": {"text": f"second component ({second:.1%})"}},
            "zaxis": {"title": {"text": "training loss"}, "type": "log", "dtick": 1, "exponentformat": "none"},
            "camera": {"eye": _eye(view), "center": {"x": 0, "y": 0, "z": -0.2}},
            "aspectratio": {"x": 1.2, "y": 1.2, "z": 0.8},
        },
        updatemenus=[_height_menu(view), _scale_menu()],
    )
    figure.write_html(
        path,
        include_plotlyjs=True,
        div_id="landscape",  # a random one otherwise
        config={"displaylogo": False, "responsive": True},
        default_height="90vh",
    )


def _solid(view: View) -> graph_objects.Surface:
    surface, levels = view.surface, contour_levels(view.surface.losses)
    losses = drawable(surface.losses)
    shades = [index / 10 for index in range(11)]
    ticks = powers_of_ten(levels)
    return graph_objects.Surface(
        x=surface.x,
        y=surface.y,
        z=losses,
        surfacecolor=np.log10(losses),
        cmin=np.log10(levels[0]),
        cmax=np.log10(levels[-1]),
        colorscale=[
            [shade, "rgb({:.0f},{:.0f},{:.0f})".format(*255 * np.array(COLOURS(shade)[:3]))] for shade in shades
        ],
        colorbar={"title": {"text": "loss"}, "tickvals": np.log10(ticks), "ticktext": [f"{tick:g}" for tick in ticks]},
        opacity=0.85,  # a path may run below
        hovertemplate="loss %{z:.4g}<extra>surface</extra>",
        name="surface",
    )


def _line(track: Track, style: Style, dash: str) -> graph_objects.Scatter3d:
    x, y = track.coordinates.T
    last = len(x) - 1
    return graph_objects.Scatter3d(
        x=x,
        y=y,
        z=_on_surface(track),
        mode="lines+markers",
        line={"color": style.colour, "width": 6, "dash": dash},
        marker={"color": style.colour, "size": [6 if epoch in (0, last) else 2.5 for epoch in range(last + 1)]},
        customdata=np.column_stack([np.arange(last + 1), track.losses, track.seen_losses]),
        hovertemplate="epoch %{customdata[0]}<br>loss %{customdata[1]:.4g}<br>on the plane %{customdata[2]:.4g}",
        name=track.label,
    )


def _on_surface(track: Track) -> Array:
    return 1.05 * drawable(track.seen_losses)


def _eye(view: View) -> dict[str, float]:
    """Where to look from: from beyond the ends of the paths back to their start, a little from the side."""
    forth = np.mean([track.coordinates[-1] - track.coordinates[0] for track in view.tracks], axis=0)
    side = 0.8
    x, y = np.array([forth[0] + side * forth[1], forth[1] - side * forth[0]]) / (
        np.hypot(1, side) * np.linalg.norm(forth) or 1
    )
    return {"x": 1.8 * float(x), "y": 1.8 * float(y), "z": 1.0}


def _height_menu(view: View) -> dict[str, object]:
    paths = list(range(1, len(view.tracks) + 1))  # the surface is 0
    heights = {
        "Paths on the surface": [_on_surface(track) for track in view.tracks],
        "Paths at their true loss": [drawable(track.losses) for track in view.tracks],
    }
    return {
        "type": "buttons",
        "direction": "right",
        "x": 0,
        "xanchor": "left",
        "y": 1.06,
        "buttons": [
            {"label": label, "method": "restyle", "args": [{"z": height}, paths]} for label, height in heights.items()
        ],
    }


def _scale_menu() -> dict[str, object]:
    axes: dict[str, dict[str, object]] = {
        "Logarithmic": {"type": "log", "dtick": 1},
        "Linear": {"type": "linear", "dtick": None},
    }
    return {
        "type": "buttons",
        "direction": "right",
        "x": 1,
        "xanchor": "right",
        "y": 1.06,
        "buttons": [
            {
                "label": label,
                "method": "relayout",
                "args": [{f"scene.zaxis.{key}": value for key, value in axis.items()}],
            }
            for label, axis in axes.items()
        ],
    }
