"""Where do the contours of a surface lie? Close together near the bottom and far apart above, as on a log scale."""

from __future__ import annotations

import numpy as np

from onepass.arrays import Array
from onepass.lab.race.surfaces import Surface

#: Below this height above the bottom the scale is linear, above it logarithmic; so there are heights below 0 as well.
_LINEAR = 0.2


def relief(surface: Surface, steps: int, resolution: int = 150) -> tuple[Array, Array, Array]:
    """A grid over the region: positions across, positions up, and what is drawn there, (up, across).

    It is arsinh(height / 0.2), the height being above the lowest minimum or, without any, above zero.
    """
    across, up = (np.linspace(low, high, resolution) for low, high in ranges(surface, steps))
    values = surface.value(np.stack(np.meshgrid(across, up), axis=-1)[..., -surface.size :])
    bottom = min(surface.value(np.array(surface.minima))) if surface.minima else 0.0
    return across, up, np.arcsinh((values - bottom) / _LINEAR)


def ranges(surface: Surface, steps: int) -> tuple[tuple[float, float], ...]:
    """What is drawn across and up: the region; with one parameter the steps go across."""
    return ((0.0, float(steps)), *surface.region)[-2:]


def mark(point: tuple[float, ...]) -> tuple[float, ...]:
    """Where a single point is drawn: across and up; with one parameter at step 0."""
    return (0.0, *point)[-2:]


def drawn(points: Array) -> Array:
    """Where a way (steps + 1, size) is drawn: across and up, (steps + 1, 2)."""
    steps = np.arange(len(points), dtype=np.float64)
    return np.column_stack([steps, points])[:, -2:]
