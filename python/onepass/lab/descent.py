"""Where does an optimizer go? Its whole way from a start, for one learning rate or for many side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from onepass.arrays import Array
from onepass.optimizer import Optimizer

#: Of each row of points (rows, size), at a step counted from 0.
Gradient = Callable[[Array, int], Array]


def descend(
    method: type[Optimizer],
    start: Any,
    gradient: Gradient,
    steps: int,
    *,
    lr: float,
    before: Callable[[Optimizer], None] = lambda optimizer: None,
    after_step: Callable[[Array], object] = lambda points: None,
    **hyperparameters: Any,
) -> Array:
    """The way of one optimizer: (steps + 1, size), float64.

    Args:
        start: where it begins: one number per dimension.
        before: prepares the optimizer; attaches a schedule, say.
        after_step: may change the points in place; projects them, say.
        hyperparameters: beside lr.
    """
    return descents(method, start, gradient, steps, (lr,), before, after_step, **hyperparameters)[:, 0]


def descents(
    method: type[Optimizer],
    start: Any,
    gradient: Gradient,
    steps: int,
    lrs: Sequence[float] | Array,
    before: Callable[[Optimizer], None] = lambda optimizer: None,
    after_step: Callable[[Array], object] = lambda points: None,
    **hyperparameters: Any,
) -> Array:
    """The ways for several learning rates: (steps + 1, learning rates, size). One optimizer, a group for each.

    What diverges becomes infinite or NaN without a word.
    """
    points = np.tile(np.asarray(start, float), (len(lrs), 1))
    groups = [{"params": [row], "lr": float(lr)} for row, lr in zip(points, lrs, strict=True)]
    optimizer = method(groups, **hyperparameters)
    before(optimizer)
    way = np.empty((steps + 1, *points.shape))
    way[0] = points
    with np.errstate(over="ignore", invalid="ignore"):
        for step in range(steps):
            optimizer.step(list(gradient(points, step)))
            after_step(points)
            way[step + 1] = points
    return way


def steps_to(values: Array, goal: float) -> Array:
    """After how many steps each column of values (steps + 1, columns) stays at or below the goal; inf if never."""
    above = ~(values <= goal)  # NaN is above
    last = len(values) - np.argmax(above[::-1], axis=0)
    reached = np.where(above.any(axis=0), last, 0).astype(float)
    reached[above[-1]] = np.inf
    return reached
