"""Which learning rate suits an optimizer on a surface? A search; run as a program it prints the table of `rates`."""

from __future__ import annotations

import numpy as np

from onepass.arrays import Array
from onepass.lab.descent import steps_to
from onepass.lab.race.outcome import STEPS
from onepass.lab.race.racers import ways
from onepass.lab.race.surfaces import SURFACES, Surface
from onepass.lab.settings import all_optimizers

#: What is tried: 0.0001, 0.00015, 0.0002, 0.0003, 0.0005, 0.0007, 0.001, ... 700.
CANDIDATES = tuple(float(f"{digits}e{power}") for power in range(-4, 3) for digits in ("1", "1.5", "2", "3", "5", "7"))


def tuned(name: str, surface: Surface) -> float:
    """The learning rate with the fewest steps to the lowest minimum, else to any, else that ends nearest to one.

    What counts is the worst of it and the next smaller and larger one, so that no lucky leap wins.
    Where there is no minimum a larger rate always falls faster. There nobody gets a head start: it is the rate whose
    first ten steps together are nearest to a fifth of the region's width.
    """
    found = ways(name, surface, CANDIDATES, STEPS, seed=0)
    with np.errstate(over="ignore", invalid="ignore"):
        keys = [(_speed if surface.minima else _head_start)(way, surface) for way in found.transpose(1, 0, 2)]
    worst_of_three = [max(keys[max(index - 1, 0) : index + 2]) for index in range(len(keys))]
    return min(zip(worst_of_three, CANDIDATES, strict=True))[1]


def _speed(way: Array, surface: Surface) -> tuple[float, ...]:
    """Steps to the lowest minimum, to any, and the distance from one at the end; infinite if the way leaves."""
    if not surface.is_inside(way).all():
        return np.inf, np.inf, np.inf
    lowest, nearest = (surface.distance(way, minima) for minima in (surface.lowest, surface.minima))
    to_lowest, to_nearest = steps_to(np.stack([lowest, nearest], axis=-1), surface.tolerance)
    return to_lowest, to_nearest, nearest[-1]


def _head_start(way: Array, surface: Surface) -> tuple[float, ...]:
    low, high = surface.region[0]
    length = np.linalg.norm(np.diff(way[:11], axis=0), axis=-1).sum()
    return (float(abs(np.nan_to_num(length, nan=np.inf) - (high - low) / 5)),)


def main() -> None:
    """Print the table as it stands in `onepass.lab.race.rates`."""
    print(f"SURFACES = {tuple(SURFACES)}\nTUNED = {{")
    for name in all_optimizers():
        print(f'    "{name}": ({", ".join(f"{tuned(name, surface):g}" for surface in SURFACES.values())}),')
    print("}")


if __name__ == "__main__":
    main()
