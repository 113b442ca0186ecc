"""What is the loss on a plane? A grid of it, which covers a square or the paths that are to be seen on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from onepass.arrays import Array
from onepass.lab.landscape.plane import Plane

#: The loss at a point.
Loss = Callable[[Array], float]


@dataclass(frozen=True)
class Surface:
    """The loss over a plane: ``losses[j, i]`` is that at ``(x[i], y[j])``."""

    x: Array
    y: Array
    losses: Array

    def described(self) -> dict[str, Any]:
        return {"x": self.x.tolist(), "y": self.y.tolist(), "train_losses": self.losses.tolist()}


def measure(loss: Loss, plane: Plane, x: Array, y: Array, after_row: Callable[[], None] = lambda: None) -> Surface:
    """The loss at each of the coordinates x with each of y."""
    losses = np.empty((len(y), len(x)))
    for row, ordinate in enumerate(y):
        losses[row] = [loss(plane.point(abscissa, ordinate)) for abscissa in x]
        after_row()
    return Surface(x, y, losses)


def around(coordinates: Array, resolution: int, margin: float = 0.2) -> tuple[Array, Array]:
    """The x and the y of a grid that covers projected points (points, 2).

    Args:
        resolution: points per axis.
        margin: what is beyond them on each side, as a share of their extent; as a share of the larger extent where
            there is hardly any, of a path along a straight line.
    """
    low, high = coordinates.min(axis=0), coordinates.max(axis=0)
    extents = np.maximum(high - low, 0.05 * (high - low).max())
    x, y = np.linspace(low - margin * extents, high + margin * extents, resolution).T
    return x, y
