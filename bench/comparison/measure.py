"""How is a fair time taken? All contenders in turn, round after round, in shuffled order, after they agreed."""

from __future__ import annotations

import gc
import math
import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass, field
from functools import partial
from itertools import repeat
from statistics import median, quantiles

import numpy as np

import onepass as op
from comparison.cases import Case, Problem
from comparison.contenders import BASELINE, ROOF, Contender, Unavailable, find
from comparison.formats import FORMATS
from comparison.recipes import Recipe, recipes
from comparison.steps import PLAIN, Step
from onepass.arrays import Array

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
        placements: how often contenders of large arrays are built, in shuffled order, each time for a part of the
            rounds. Where a virtual machine's memory lies in several places, some are twice as fast as others: luck that
            must not stay with one contender.
        memory: bytes that all contenders together may take.
    """

    rounds: int = 15
    block: float = 0.05
    pause: float = 0.02
    limit: float = 300.0
    placements: int = 5
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
        deviation: of its parameters from those of onepass, relative to how far they moved, or of its averages, copies
            or gradients, if these are further beyond their tolerance; None if it has none.
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

    def bytes_moved(self, name: str) -> float:
        if name != ROOF:
            return self.recipe.bytes_moved(self.case, self.dtype)
        state = FORMATS[self.recipe.step.state_dtype(self.dtype)]
        return self.case.elements * (3 * FORMATS[self.dtype].bytes + 2 * self.recipe.slots * int(state.bytes))

    def bandwidth(self, name: str) -> float:
        """Bytes per second."""
        return self.bytes_moved(name) / self.seconds(name)

    def of_roof(self) -> Spread:
        """The bandwidth of onepass over that of the roof, round by round."""
        more, times = self.bytes_moved(BASELINE) / self.bytes_moved(ROOF), self.speedup(ROOF)
        return Spread(*(more * one for one in astuple(times)))


def measure(
    rule: str, case: Case, dtype: str, names: Iterable[str], settings: Settings, step: Step = PLAIN
) -> Measurement:
    """Time the named contenders, and onepass in any case, with the threads set now.

    Where onepass itself has no such step, there is nothing to compare with: then nobody is timed.
    """
    gc.collect()  # contenders hold themselves in cycles, and those of the measurement before hold gigabytes
    result = Measurement(recipes(rule, step)[0], case, dtype, op.get_num_threads())
    try:
        problem = Problem(case, dtype, zero=step.decayed)
    except ImportError as error:
        result.missing[BASELINE] = str(error)
        return result
    contenders = _build(result, problem, names, settings.memory)
    if BASELINE not in contenders:
        return result
    _compare(result, problem, contenders)
    random_order = random.Random(0)
    start = time.perf_counter()
    for part, rounds in enumerate(_parts(settings, problem)):
        order = list(contenders)
        if part:
            random_order.shuffle(order)
            contenders.clear()
            gc.collect()
            contenders.update({name: find(name)(result.recipe, problem) for name in order})
        turns = {name: _turn(contender, settings, case) for name, contender in contenders.items()}
        for _ in range(rounds):
            if len(result.entries[BASELINE].seconds) >= 3 and time.perf_counter() - start > settings.limit:
                return result
            random_order.shuffle(order)
            for name in order:
                result.entries[name].seconds.append(turns[name]())
        turns.clear()
    return result


def _parts(settings: Settings, problem: Problem) -> list[int]:
    """The rounds, those of large arrays in parts between which the contenders are built anew."""
    is_large = problem.case.elements * problem.dtype.itemsize > 2**26
    parts = min(settings.placements, settings.rounds) if is_large else 1
    return [settings.rounds * (part + 1) // parts - settings.rounds * part // parts for part in range(parts)]


#: Arrays of the size of all parameters: the problem's own two, and the temporaries of one step of torch-foreach.
RESERVE = 2 + 5


def _build(result: Measurement, problem: Problem, names: Iterable[str], memory: int) -> dict[str, Contender]:
    recipe, dtype = result.recipe, problem.dtype.name
    size = result.case.elements * max(FORMATS[dtype].bytes, FORMATS[recipe.step.state_dtype(dtype)].bytes)
    free = memory - RESERVE * size
    contenders: dict[str, Contender] = {}
    for name in dict.fromkeys([BASELINE, *names]):
        try:
            kind = find(name)
            if not kind.suits(recipe, problem):
                if name == BASELINE:
                    raise Unavailable("it has no such step")
                continue
            needed = size * (1 + recipe.slots + recipe.step.extra_arrays + kind.extra_arrays)
            if needed > free:
                raise Unavailable(f"its {needed / GIB:.1f} GiB would exceed --memory for all; name fewer --contenders")
            contenders[name] = kind(recipe, problem)
            free -= needed
        except (Unavailable, ImportError) as error:  # bfloat16 takes ml_dtypes
            result.missing[name] = str(error)
    return contenders


def _compare(result: Measurement, problem: Problem, contenders: Mapping[str, Contender]) -> None:
    """Let all step with gradients that change, and see whether what they wrote is what onepass wrote."""
    result.entries.update({name: Entry() for name in contenders})
    rivals = [name for name, contender in contenders.items() if name != BASELINE and contender.is_optimizer]
    steps = 8 if problem.case.elements <= 2**24 else 3  # RAdam changes its formula at the sixth
    for _ in range(steps if rivals else 0):
        problem.renew_gradients()
        for contender in contenders.values():
            contender.take_gradients(problem.gradients)
            if contender.restore:
                contender.restore()
            contender.step()
    tolerance = max(FORMATS[name].tolerance for name in (result.dtype, result.recipe.step.state_dtype(result.dtype)))
    own = _results(contenders[BASELINE])
    for name, contender in contenders.items():
        entry = result.entries[name]
        if name in rivals:
            _judge(entry, _results(contender), own, problem.initial, tolerance)
        entry.agrees = entry.agrees or contender.differs is not None
        entry.remark = "; ".join(filter(None, (entry.remark, contender.differs, contender.remark)))


def _results(contender: Contender) -> dict[str, Sequence[Array]]:
    return {"parameters": contender.params(), **contender.written()}


def _judge(
    entry: Entry,
    results: Mapping[str, Sequence[Array]],
    expected: Mapping[str, Sequence[Array]],
    initial: Sequence[Array],
    tolerance: float,
) -> None:
    """Note the result that differs most, measured by what rounding explains in its format."""
    found = {name: deviation(results[name], arrays, initial) for name, arrays in expected.items()}
    allowed = {name: max(tolerance, FORMATS[arrays[0].dtype.name].tolerance) for name, arrays in expected.items()}
    worst = max(found, key=lambda name: math.inf if math.isnan(found[name]) else found[name] / allowed[name])
    entry.deviation = found[worst]
    entry.agrees = found[worst] <= allowed[worst]
    if not entry.agrees and worst != "parameters":
        entry.remark = f"differs in its {worst}"


def deviation(params: Sequence[Array], expected: Sequence[Array], initial: Sequence[Array]) -> float:
    """The norm of the difference to what was expected, relative to the norm of the way that was expected."""
    distance, way = _distance(params, expected), _distance(expected, initial)
    return distance / way if way else math.inf if distance else 0.0


def _distance(left: Sequence[Array], right: Sequence[Array], chunk: int = 2**20) -> float:
    total = 0.0
    for one, other in zip(left, right, strict=True):
        one, other = one.reshape(-1), other.reshape(-1)
        for start in range(0, one.size, chunk):
            part = slice(start, start + chunk)
            total += float(np.square(np.subtract(one[part], other[part], dtype=np.float64)).sum())
    return math.sqrt(total)


def _turn(contender: Contender, settings: Settings, case: Case) -> Callable[[], float]:
    """A function that lets the contender take its turn in a round and returns its seconds per step."""
    run = partial(_run_cold if case.is_cold else _run_restoring if contender.restore else _run, contender)
    steps = 1
    while (seconds := run(steps)) < settings.block / 4:
        steps *= 8 if seconds < settings.block / 100 else 2
    steps = max(1, round(steps * settings.block / seconds))

    def turn() -> float:
        time.sleep(settings.pause)
        run(max(1, steps // 10))
        return run(steps) / steps

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


#: What is walked over before a cold step: 16 MB, more than the second-level caches of the cores hold.
_ELSEWHERE = np.zeros(2**24, np.uint8)


def _run_cold(contender: Contender, steps: int) -> float:
    seconds = 0.0
    with _no_garbage_collection():
        for _ in repeat(None, steps):
            np.add(_ELSEWHERE, 1, out=_ELSEWHERE)
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
