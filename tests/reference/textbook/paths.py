"""When are two paths the same? When they part as slowly as paths do that start apart by rounding."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from onepass.arrays import Array

#: By so many roundings a function's results are moved, in so many further runs of the reference.
ROUNDINGS, RUNS = 4, 3
#: How often the distance that this causes may be exceeded.
FACTOR = 20
#: A path whose rounding is worth more than that, relatively, is not followed any further.
LOST = 1e-7

Path = Sequence[Array]


def rounded_otherwise(function: Callable[[Array], Any], seed: int) -> Callable[[Array], Any]:
    """The function with results that are off by some roundings; of a value and a gradient, the gradient."""
    rng = np.random.default_rng(seed)

    def moved(array: Array) -> Array:
        return array * (1 + ROUNDINGS * 2.0**-52 * rng.uniform(-1, 1, array.shape))

    def call(x: Array) -> Any:
        result = function(x)
        return (result[0], moved(result[1])) if isinstance(result, tuple) else moved(result)

    return call


def assert_followed(
    found: Path, reference: Callable[..., Path], functions: Sequence[Callable[[Array], Any]], steps: int
) -> None:
    """The found path is the reference's, but for rounding, for so many steps at least.

    Steps amplify the error of a rounding, by the condition of a matrix above all, and no fixed tolerance is right for
    all problems. What they make of errors of some roundings in every result of the functions is measured, by further
    runs of the reference. A wrong formula is off by far more from its first use on.
    """
    wanted = reference(*functions)
    others = [reference(*(rounded_otherwise(function, seed) for function in functions)) for seed in range(RUNS)]
    count = min(map(len, (found, wanted, *others)))

    def distances(path: Path) -> Array:
        return np.array([np.abs(a - b).max() for a, b in zip(wanted[:count], path[:count], strict=True)])

    sizes = np.array([np.abs(x).max() for x in wanted[:count]])
    spread = np.maximum.accumulate(np.max([distances(other) for other in others], axis=0))
    tolerance = 1e-14 * sizes + FACTOR * spread
    tells = tolerance <= LOST * sizes
    assert tells.sum() > steps, f"rounding hides the path after {tells.sum() - 1} of {len(wanted) - 1} steps"
    off = distances(found)
    assert (off <= tolerance)[tells].all(), f"off by {off}, where rounding explains {tolerance}"
