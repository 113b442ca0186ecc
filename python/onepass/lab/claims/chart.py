"""What does the figure of an experiment show? Lines, points or bars, and what the axes mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from onepass.arrays import Array

#: As many points of a line as a picture can show.
MOST_POINTS = 400


@dataclass(frozen=True)
class Line:
    """One line of a chart, or separate points.

    Attributes:
        dots: draw the points, with nothing between them.
    """

    label: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    dots: bool = False

    @classmethod
    def of(cls, label: str, y: Any, x: Any = None, *, dots: bool = False, log_x: bool = False) -> Line:
        """A line through so many of the points that none is missed in a picture.

        Args:
            y: a one-dimensional array; what is not finite is not drawn.
            x: 0, 1, 2, ... unless given.
            log_x: thin the points for a logarithmic axis.
        """
        heights = np.asarray(y, float)
        places = np.arange(len(heights)) if x is None else np.asarray(x, float)
        kept = _spread(len(heights), log_x)
        return cls(label, tuple(map(float, places[kept])), tuple(map(float, heights[kept])), dots)


@dataclass(frozen=True)
class Bars:
    """One bar per name, in groups of one bar per label.

    Attributes:
        heights: by label, one per name.
    """

    names: tuple[str, ...]
    heights: dict[str, tuple[float, ...]]


@dataclass(frozen=True)
class Chart:
    """A figure.

    Attributes:
        content: lines over x and y, or bars, which lie: their length is along x.
        y_range: the part of the y-axis that is shown, where lines leave what is of interest.
    """

    content: tuple[Line, ...] | Bars
    x_label: str
    y_label: str
    log_x: bool = False
    log_y: bool = False
    y_range: tuple[float, float] | None = None


def _spread(count: int, log: bool) -> Array:
    if count <= MOST_POINTS:
        return np.arange(count)
    if log:
        return np.unique(np.geomspace(1, count, MOST_POINTS).round().astype(int)) - 1
    return np.linspace(0, count - 1, MOST_POINTS).round().astype(int)
