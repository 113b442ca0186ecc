"""How is a fair time taken? All contenders in turn, round after round, in shuffled order, after rest and a run-in."""

from __future__ import annotations

import gc
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

Call = Callable[[], object]

#: Whom all others are measured against.
OWN = "onepass"
#: Seconds after which the threads of the turn before sleep.
REST = 0.02
#: Seconds of the same work ahead of a timed call: what is timed is a loop that runs, not one that wakes up.
RUN_IN = 0.01


@dataclass
class Turn:
    """What a contender does in a round: `before` is not timed, and `params` are what it steps."""

    before: Call
    timed: Call
    params: Sequence[Any]


def _run_in(turn: Turn) -> None:
    until = time.perf_counter() + RUN_IN
    while time.perf_counter() < until:
        turn.before()
        turn.timed()


def times_of(turns: Mapping[str, Turn], rounds: int, limit: float, warm: int = 2) -> dict[str, list[float]]:
    """Seconds of each turn: all in each round, in shuffled order, the first rounds left out.

    Args:
        limit: seconds after which no round is begun but the first three.
    """
    times: dict[str, list[float]] = {name: [] for name in turns}
    order = list(turns)
    shuffle = random.Random(0).shuffle
    gc.collect()
    gc.disable()
    begun = time.perf_counter()
    try:
        for number in range(-warm, rounds):
            if number >= 3 and time.perf_counter() - begun > limit:
                break
            shuffle(order)
            for name in order:
                time.sleep(REST)
                _run_in(turns[name])
                turns[name].before()
                start = time.perf_counter()
                turns[name].timed()
                if number >= 0:
                    times[name].append(time.perf_counter() - start)
    finally:
        gc.enable()
    return times


def ratios(times: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """How many times as long as onepass each takes: the median over the rounds."""
    return {
        name: median(other / own for other, own in zip(found, times[OWN], strict=True)) for name, found in times.items()
    }
