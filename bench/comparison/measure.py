"""How is a fair time taken? All contenders in turn, round after round, in shuffled order, after they agreed."""

from __future__ import annotations

import gc
import math
import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import repeat
from statistics import median, quantiles

import numpy as np

import onepass as op
from comparison.cases import Case, Problem
from comparison.contenders import BASELINE, Contender, Unavailable, find
from comparison.recipes import Recipe, recipes
from onepass.groups import Array

GIB = 2**30


@dataclass(frozen=True)
class Settings:
    """How much effort to spend.

    Attributes:
        rounds: each times every contender once.
        block: seconds for which a contender steps in a round, at least once.
        pause: seconds of rest before a contender's turn. The threads of the one before still spin for some
            milliseconds in wait of more work (libgomp's default), and would take the core from the next.
        limit: seconds after which no round is added to the first three.
        memory: bytes that all contenders together may take.
    """

    rounds: int = 15
    block: float = 0.05
    pause: float = 0.02
    limit: float = 300.0
    memory: int = 15 * GIB


@dataclass(frozen=True)
class Spread:
    """Median and quartiles."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        low, middle, high = quantiles(values, n=4, method="inclusive") if len(values) > 1 else [values[0]] * 3
        return cls(middle, low, high)


@dataclass
class Entry:
    """What one contender did.

    Attributes:
        seconds: per step, one value for each round.
        deviation: of its parameters from those of onepass, relative to how far they moved; None if it has none.
        agrees: the deviation is small enough for its kind.
        remark: what to know beside the numbers.
    """

    seconds: list[float] = field(default_factory=list)
    deviation: float | None = None
    agrees: bool = True
    remark: str = ""


@dataclass
class Measurement:
    """One optimizer on one case: an entry for each contender, and why the others are missing."""

    recipe: Recipe
    case: Case
    dtype: str
    threads: int
    entries: dict[str, Entry] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)

    def seconds(self, name: str) -> float:
        return median(self.entries[name].seconds)

    def speedup(self, name: str) -> Spread:
        """How many times as long as onepass the contender takes, round by round."""
        pairs = zip(self.entries[name].seconds, self.entries[BASELINE].seconds, strict=True)
        return Spread.of([other / own for other, own in pairs])

    def bandwidth(self, name: str) -> float:
        """Bytes per second, if each array goes through the processor once."""
        return self.recipe.bytes_moved(self.case.elements, np.dtype(self.dtype).itemsize) / self.seconds(name)


def measure(rule: str, case: Case, dtype: str, names: Iterable[str], settings: Settings) -> Measurement:
    """Time the named contenders, and onepass in any case, with the threads set now."""
    gc.collect()  # contenders hold themselves in cycles, and those of the measurement before hold gigabytes
    result = Measurement(recipes(rule)[0], case, dtype, op.get_num_threads())
    problem = Problem(case, dtype)
    contenders = _build(result, problem, names, settings.memory)
    _compare(result, problem, contenders)
    problem.initial.clear()
    turns = {name: _turn(contender, settings) for name, contender in contenders.items()}
    order = list(turns)
    shuffle = random.Random(0).shuffle
    start = time.perf_counter()
    for number in range(settings.rounds):
        if number >= 3 and time.perf_counter() - start > settings.limit:
            break
        shuffle(order)
        for name in order:
            result.entries[name].seconds.append(turns[name]())
    return result


#: Arrays of the size of all parameters: the problem's own two, and the temporaries of one step of torch-foreach.
RESERVE = 2 + 5


def _build(result: Measurement, problem: Problem, names: Iterable[str], memory: int) -> dict[str, Contender]:
    size = result.case.elements * problem.dtype.itemsize
    free = memory - RESERVE * size
    contenders: dict[str, Contender] = {}
    for name in dict.fromkeys([BASELINE, *names]):
        try:
            kind = find(name)
            if not kind.offers(result.recipe, problem):
                continue
            needed = size * (1 + result.recipe.slots + kind.extra_arrays)
            if needed > free:
                raise Unavailable(f"its {needed / GIB:.1f} GiB would exceed --memory for all; name fewer --contenders")
            contenders[name] = kind(result.recipe, problem)
            free -= needed
        except Unavailable as error:
            result.missing[name] = str(error)
    return contenders


#: Largest deviation that rounding explains: torch keeps the scalars of NAdam and ASGD in float32 for float64 too, and,
#: compiled, those of Adam. Weight decay left out makes a deviation of 2e-4.
TOLERANCE = {"float32": 3e-5, "float64": 1e-6}


def _compare(result: Measurement, problem: Problem, contenders: Mapping[str, Contender]) -> None:
    """Let all step with gradients that change, and see whether their parameters went where those of onepass went."""
    result.entries.update({name: Entry() for name in contenders})
    rivals = [name for name, contender in contenders.items() if name != BASELINE and contender.is_optimizer]
    if not rivals:
        return
    steps = 8 if problem.case.elements <= 2**24 else 3  # RAdam changes its formula at the sixth
    for _ in range(steps):
        problem.renew_gradients()
        for contender in contenders.values():
            contender.take_gradients(problem.gradients)
            if contender.restore:
                contender.restore()
            contender.step()
    own = contenders[BASELINE].params()
    for name in rivals:
        contender, entry = contenders[name], result.entries[name]
        entry.deviation = deviation(contender.params(), own, problem.initial)
        entry.agrees = contender.differs is not None or entry.deviation <= TOLERANCE[problem.dtype.name]
        entry.remark = "; ".join(filter(None, (contender.differs, contender.remark)))


def deviation(params: Sequence[Array], expected: Sequence[Array], initial: Sequence[Array]) -> float:
    """The norm of the difference to what was expected, relative to the norm of the way that was expected."""
    return _distance(params, expected) / _distance(expected, initial)


def _distance(left: Sequence[Array], right: Sequence[Array], chunk: int = 2**20) -> float:
    total = 0.0
    for one, other in zip(left, right, strict=True):
        one, other = one.reshape(-1), other.reshape(-1)
        for start in range(0, one.size, chunk):
            part = slice(start, start + chunk)
            total += float(np.square(np.subtract(one[part], other[part], dtype=np.float64)).sum())
    return math.sqrt(total)


def _turn(contender: Contender, settings: Settings) -> Callable[[], float]:
    """A function that lets the contender take its turn in a round and returns its seconds per step."""
    run = _run_restoring if contender.restore else _run
    steps = 1
    while (seconds := run(contender, steps)) < settings.block / 4:
        steps *= 8 if seconds < settings.block / 100 else 2
    steps = max(1, round(steps * settings.block / seconds))

    def turn() -> float:
        time.sleep(settings.pause)
        run(contender, max(1, steps // 10))
        return run(contender, steps) / steps

    return turn


def _run(contender: Contender, steps: int) -> float:
    step = contender.step
    with _no_garbage_collection():
        start = time.perf_counter()
        for _ in repeat(None, steps):
            step()
        return time.perf_counter() - start


def _run_restoring(contender: Contender, steps: int) -> float:
    assert contender.restore
    seconds = 0.0
    with _no_garbage_collection():
        for _ in repeat(None, steps):
            contender.restore()
            start = time.perf_counter()
            contender.step()
            seconds += time.perf_counter() - start
    return seconds


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    gc.collect(0)
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
