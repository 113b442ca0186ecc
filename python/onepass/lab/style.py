"""How do lines and bars look? Told apart by colour-blind readers as well; and every figure is set in the same way."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO
from itertools import product
from pathlib import Path
from textwrap import fill
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

# Okabe & Ito's colours without yellow, which is too faint for a line; in further rounds they are dashed.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_DASHES: tuple[tuple[Any, str], ...] = (
    ("-", ""),
    ((0, (5, 1.5)), "////"),
    ((0, (1, 1.2)), "...."),
    ("-.", "xx"),
    ((0, (9, 2)), "\\\\\\\\"),
    ((0, (5, 1, 1, 1, 1, 1)), "++"),
    ((0, (3, 4)), "oo"),
    ((0, (9, 1, 1, 1)), "||"),
    ((0, (2, 1)), "--"),
)


@dataclass(frozen=True)
class Style:
    """How one row is drawn: a colour, and a dash pattern with the hatching that stands for it in areas."""

    colour: str
    dashes: Any
    hatch: str


def styles(names: Iterable[str]) -> dict[str, Style]:
    """A style for each name; they differ for up to 63 names, four state dtypes of 15 optimizers."""
    looks = [Style(colour, dashes, hatch) for (dashes, hatch), colour in product(_DASHES, _COLOURS)]
    return {name: looks[index % len(looks)] for index, name in enumerate(names)}


def new_figure(width: float, height: float, title: str = "") -> Figure:
    """An empty figure, size in inches, that `savefig` writes without a window and without the state of pyplot."""
    figure = Figure(figsize=(width, height), dpi=130, layout="constrained")
    FigureCanvasAgg(figure)
    if title:
        figure.suptitle(fill(title, round(8 * width)), fontsize=14)
    return figure


def save_png(figure: Figure, path: Path) -> None:
    """Write a figure of lines and words with 256 colours: it looks the same and takes a third of the room."""
    buffer = BytesIO()
    figure.savefig(buffer, format="png")
    Image.open(buffer).convert("RGB").quantize(256, dither=Image.Dither.NONE).save(path, format="png", optimize=True)
