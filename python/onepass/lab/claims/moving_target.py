"""How fast does an optimizer follow a minimum that jumps away, again and again?"""

from __future__ import annotations

import numpy as np

from onepass.arrays import Array
from onepass.lab.descent import descend, steps_to
from onepass.optimizer import Optimizer

#: From one place of the minimum to the next, and steps between two jumps.
DISTANCE, PERIOD = 10.0, 4000
#: So near to the minimum it is reached.
NEAR = 0.5


def follow(method: type[Optimizer], jumps: int, lr: float) -> Array:
    """The distances from the minimum of (x - c)^2 / 2, where c goes back and forth: (jumps, PERIOD + 1)."""
    places = DISTANCE * (np.arange(jumps) % 2)
    way = descend(method, [DISTANCE], lambda points, step: points - places[step // PERIOD], jumps * PERIOD, lr=lr)[:, 0]
    return np.array([abs(way[jump * PERIOD : (jump + 1) * PERIOD + 1] - place) for jump, place in enumerate(places)])


def steps_per_jump(distances: Array) -> Array:
    """After how many steps each jump's minimum is reached."""
    return steps_to(distances.T, NEAR)
