"""How did a race end? Every racer's points up to the edge of the region, and what to say of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from itertools import islice
from typing import Any

import numpy as np

from onepass.arrays import Array
from onepass.lab.descent import steps_to
from onepass.lab.race.racers import Racer
from onepass.lab.race.surfaces import Surface

#: Enough for the slower ones to arrive in the valley of Rosenbrock's function.
STEPS = 500


class Outcome(Enum):
    """What became of a racer, in words for the table."""

    REACHED = "reached the minimum"
    LOCAL = "stuck in a local minimum"
    UNDER_WAY = "under way"
    FELL = "fell over the edge"
    DIVERGED = "diverged"


@dataclass(frozen=True)
class Run:
    """What one racer did.

    Attributes:
        points: (steps + 1, size); if it left the region, the last one is the first outside.
    """

    racer: str
    lr: float | None
    surface: Surface
    points: Array

    @property
    def left(self) -> bool:
        """Whether it left the region."""
        return not self.surface.is_inside(self.points[-1])

    @property
    def outcome(self) -> Outcome:
        """A run that leaves diverges, unless the surface has no lower bound and it left below its start."""
        if self.left:
            falls = not self.surface.minima and self.value < self.surface.value(self.points[0])
            return Outcome.FELL if falls else Outcome.DIVERGED
        if self.steps is not None:
            return Outcome.REACHED
        settled = self.surface.distance(self.points[-1], self.surface.minima) <= self.surface.tolerance
        return Outcome.LOCAL if settled else Outcome.UNDER_WAY

    @property
    def steps(self) -> int | None:
        """Until it stayed near one of the lowest minima, or until it left; None if it did neither."""
        if self.left:
            return len(self.points) - 1
        distances = self.surface.distance(self.points, self.surface.lowest)
        (steps,) = steps_to(distances[:, np.newaxis], self.surface.tolerance)
        return int(steps) if np.isfinite(steps) else None

    @property
    def value(self) -> float:
        """Of the function at the last point."""
        with np.errstate(over="ignore", invalid="ignore"):
            return float(self.surface.value(self.points[-1]))

    @property
    def drawn(self) -> Array:
        """The points with the last one on the edge of the region, if it is outside."""
        if not self.left:
            return self.points
        low, high = np.array(self.surface.region).T
        inside, outside = self.points[-2:]
        outside = np.where(np.isnan(outside), inside, np.clip(outside, -1e300, 1e300))
        with np.errstate(divide="ignore", invalid="ignore"):
            shares = (np.where(outside > high, high, low) - inside) / (outside - inside)
        share = np.where((outside > high) | (outside < low), shares, 1.0).min()
        return np.vstack([self.points[:-1], inside + share * (outside - inside)])

    def described(self) -> dict[str, Any]:
        """All of it for a program to read."""
        return {
            "surface": self.surface.name,
            "racer": self.racer,
            "lr": self.lr,
            "outcome": self.outcome.value,
            "steps": self.steps,
            "value": self.value,
            "points": self.points.tolist(),
        }


def race(racer: Racer, surface: Surface, steps: int, seed: int = 0) -> Run:
    """Let one racer go so many steps, or until it leaves the region."""
    way = racer.way(surface, steps, seed)
    return Run(racer.name, racer.lr, surface, up_to_the_edge(way, surface, steps))


def up_to_the_edge(way: Iterable[Array], surface: Surface, steps: int) -> Array:
    """The points of a way, and none behind the first that is outside the region."""
    points = np.array(list(islice(way, steps + 1)), np.float64)
    outside = np.flatnonzero(~surface.is_inside(points))
    return points[: outside[0] + 1] if len(outside) else points
