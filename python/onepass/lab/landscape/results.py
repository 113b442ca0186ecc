"""What comes of measuring? Grids and lines of losses, for the pictures and for a program to read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from onepass.arrays import Array
from onepass.lab.landscape.line import Line
from onepass.lab.landscape.plane import PrincipalPlane
from onepass.lab.landscape.surface import Surface


@dataclass(frozen=True)
class Square:
    """The loss around a solution along two random directions; 1 is the weights' own length."""

    label: str
    surface: Surface

    def mean_loss_at(self, distance: float) -> float:
        """The mean over the points of the grid that are so far from the solution, give or take half a step."""
        x, y = np.meshgrid(self.surface.x, self.surface.y)
        half_step = (self.surface.x[1] - self.surface.x[0]) / 2
        return float(self.surface.losses[np.abs(np.hypot(x, y) - distance) <= half_step].mean())

    def described(self) -> dict[str, Any]:
        return {"label": self.label, "mean_loss_at_half": self.mean_loss_at(0.5), **self.surface.described()}


@dataclass(frozen=True)
class Track:
    """A path, seen on a plane: coordinates (epochs + 1, 2), and the losses of the true points and of those seen."""

    label: str
    coordinates: Array
    losses: Array
    seen_losses: Array
    distances: Array

    def described(self) -> dict[str, Any]:
        return {
            "label": self.label,
            "coordinates": self.coordinates.tolist(),
            "train_losses": self.losses.tolist(),
            "train_losses_on_the_plane": self.seen_losses.tolist(),
            "distances_from_the_plane": self.distances.tolist(),
        }


@dataclass(frozen=True)
class View:
    """A principal plane of paths, with the loss on it and the paths."""

    plane: PrincipalPlane
    surface: Surface
    tracks: tuple[Track, ...]

    def described(self) -> dict[str, Any]:
        tracks = [track.described() for track in self.tracks]
        return {"explained_shares": self.plane.shares, **self.surface.described(), "paths": tracks}


@dataclass(frozen=True)
class Results:
    """All that is drawn.

    Attributes:
        lines: from the first optimizer's solution to others.
        squares: around the first optimizer's solution, and that of large batches.
        own_views: one per optimizer.
        common_view: of all optimizers.
    """

    lines: tuple[Line, ...]
    squares: tuple[Square, ...]
    own_views: tuple[View, ...]
    common_view: View

    def described(self) -> dict[str, Any]:
        """The same for a program to read."""
        return {
            "lines": [line.described() for line in self.lines],
            "around": [square.described() for square in self.squares],
            "paths": [view.described() for view in self.own_views],
            "common": self.common_view.described(),
        }
