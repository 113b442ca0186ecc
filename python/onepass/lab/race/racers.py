"""Who takes part in a race? Whoever yields points; onepass's optimizers do by their own kernels."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from onepass.arrays import Array
from onepass.lab.descent import descents
from onepass.lab.race.surfaces import Surface
from onepass.lab.settings import all_optimizers

#: From a surface, a number of steps and a seed to the points (size,): the start, then where each step leads.
Way = Callable[[Surface, int, int], Iterable[Array]]


@dataclass(frozen=True)
class Racer:
    """A method under its name. Any that yields points can be raced and drawn beside the optimizers.

    Attributes:
        lr: its learning rate, None for a method that has none.
    """

    name: str
    lr: float | None
    way: Way


def optimizer_racer(name: str, lr: float, **hyperparameters: Any) -> Racer:
    """One of onepass's optimizers.

    Args:
        hyperparameters: beside lr; the others are the optimizer's defaults.
    """
    return Racer(
        name, lr, lambda surface, steps, seed: ways(name, surface, (lr,), steps, seed, **hyperparameters)[:, 0]
    )


def ways(name: str, surface: Surface, lrs: Sequence[float], steps: int, seed: int, **hyperparameters: Any) -> Array:
    """The ways of one optimizer with several learning rates, inside the region and outside: (steps + 1, lrs, size).

    Args:
        seed: decides the noise of the gradients, the same for all.
    """
    gradient = surface.observed_gradient(seed)
    return descents(
        all_optimizers()[name], surface.start, lambda points, _: gradient(points), steps, lrs, **hyperparameters
    )
