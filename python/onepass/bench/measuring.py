"""How long does a step take for each? Once all have made the same steps and agree, in turn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from time import perf_counter

import numpy as np

from onepass.arrays import Array
from onepass.bench.contenders import Contender, Stepper
from onepass.bench.turns import OWN, Call, Turn, ratios, times_of
from onepass.bench.work import Work

#: Seconds of steps that are timed together, at least one step.
BLOCK = 0.003
#: Steps after which all must have come to the same parameters.
STEPS = 3


@dataclass(frozen=True)
class Measured:
    """The seconds of a step in each round, and who computed something else and was not timed."""

    work: Work
    seconds: Mapping[str, Sequence[float]]
    differing: tuple[str, ...]

    def median(self, name: str) -> float:
        return median(self.seconds[name])

    def ratios(self) -> dict[str, float]:
        """How many times as long as onepass each takes."""
        return ratios(self.seconds)


def short(factor: float) -> str:
    """How many times as long, in two digits or without a fraction."""
    return f"{factor:,.0f}" if factor >= 10 else f"{factor:.1f}"


def measure(work: Work, contenders: Mapping[str, Contender], rounds: int, limit: float) -> Measured:
    """Time those that have this step.

    Args:
        limit: seconds after which no round is begun but the first three.
    """
    rng = np.random.default_rng(0)
    start = [rng.normal(0, 0.05, shape).astype(np.float32) for shape in work.shapes]
    gradients = [rng.normal(0, 1, shape).astype(np.float32) for shape in work.shapes]
    steppers: dict[str, Stepper] = {}
    for name, contender in contenders.items():
        made = contender(work, [array.copy() for array in start], [array.copy() for array in gradients])
        if made is not None:
            steppers[name] = made
            for _ in range(STEPS):
                made.step()
    own = steppers[OWN].params()
    differing = tuple(name for name, stepper in steppers.items() if not _agree(stepper.params(), own))
    repeated = {name: _block(stepper.step) for name, stepper in steppers.items() if name not in differing}
    turns = {name: Turn(lambda: None, block, ()) for name, (block, _) in repeated.items()}
    times = times_of(turns, rounds, limit, warm=1)
    seconds = {name: [time / repeated[name][1] for time in found] for name, found in times.items()}
    return Measured(work, seconds, differing)


def _agree(params: Sequence[Array], own: Sequence[Array]) -> bool:
    """Up to rounding."""
    return all(np.allclose(one, other, rtol=1e-5, atol=1e-6) for one, other in zip(params, own, strict=True))


def _block(step: Call) -> tuple[Call, int]:
    """So many steps as take some milliseconds, and their number."""
    begun, count = perf_counter(), 0
    while perf_counter() - begun < BLOCK:
        step()
        count += 1

    def block() -> None:
        for _ in range(count):
            step()

    return block, count
