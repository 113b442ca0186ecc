"""What does an optimizer cost beside SGD? Bytes of state, counted, and time, measured."""

from __future__ import annotations

from time import perf_counter

import numpy as np

from onepass.groups import Array
from onepass.lab.claims.chart import Bars, Chart
from onepass.lab.claims.claim import Check, Claim, Number, Outcome, Setup
from onepass.lab.settings import all_optimizers
from onepass.optimizer import Optimizer

#: Arrays of the parameter's size that the papers' formulas keep.
ARRAYS = {"SGD": 0, "Momentum": 1, "Adagrad": 1, "RMSprop": 1, "Adadelta": 2, "Adam": 2, "AMSGrad": 3}


def experiment(setup: Setup) -> Outcome:
    """One float32 parameter, larger than the caches unless quick; the fastest of several steps, in turn with SGD's."""
    size, repeats = (2**18, 5) if setup.quick else (2**22, 15)
    gradient = setup.rng().standard_normal(size, np.float32)
    baseline = all_optimizers()["SGD"](np.ones(size, np.float32))
    state, time = {}, {}
    for name, method in all_optimizers().items():
        optimizer = method(np.ones(size, np.float32))
        state[name] = sum(array.nbytes for array in optimizer.state[0].values() if array.size == size) / size
        time[name] = _relative_time(optimizer, baseline, gradient, repeats)
    return Outcome(
        checks=(
            Check("every optimizer but SGD keeps state", all(state[name] > 0 for name in state if name != "SGD")),
            Check("Adam's step takes longer than SGD's", time["Adam"] > 1),
        ),
        numbers=(
            *(Number(f"bytes of state: {name}", state[name], 4.0 * arrays) for name, arrays in ARRAYS.items()),
            *(Number(f"time of {name} / SGD", time[name]) for name in ("Momentum", "Adam")),
        ),
        chart=Chart(
            Bars(
                tuple(state),
                {"state, bytes per element": tuple(state.values()), "time, times SGD's": tuple(time.values())},
            ),
            "bytes of state per element; time of a step, times SGD's",
            "",
        ),
    )


def _relative_time(optimizer: Optimizer, baseline: Optimizer, gradient: Array, repeats: int) -> float:
    """The ratio of the fastest steps, taken in turn: what else the machine does makes a step slower, never faster."""
    seconds = np.array([[_seconds(one, gradient) for one in (optimizer, baseline)] for _ in range(repeats)])
    return float(np.divide(*seconds.min(axis=0)))


def _seconds(optimizer: Optimizer, gradient: Array) -> float:
    start = perf_counter()
    optimizer.step(gradient)
    return perf_counter() - start


CLAIM = Claim(
    "memory-cost",
    "Adaptive optimizers cost more memory and more time per step than SGD.",
    "Kingma & Ba 2015 (the state); measured here",
    experiment,
)
