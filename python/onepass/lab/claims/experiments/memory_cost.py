"""What does an optimizer cost beside SGD? Bytes of state, counted, and time, measured."""

from __future__ import annotations

from time import perf_counter

import numpy as np

from onepass.arrays import Array
from onepass.lab.claims.chart import Bars, Chart
from onepass.lab.claims.claim import Check, Claim, Number, Outcome, Setup
from onepass.lab.settings import all_optimizers
from onepass.optimizer import Optimizer

#: Arrays of the parameter's size that the papers' formulas keep.
ARRAYS = {"SGD": 0, "Momentum": 1, "Adagrad": 1, "RMSprop": 1, "Adadelta": 2, "Adam": 2, "AMSGrad": 3}
ROUNDS = 20


def experiment(setup: Setup) -> Outcome:
    """One float32 parameter, larger than the caches unless quick, and the fastest of several steps."""
    param = np.ones(2**18 if setup.quick else 2**22, np.float32)
    gradient = setup.rng().standard_normal(param.size, np.float32)
    optimizers = {name: method(param) for name, method in all_optimizers().items()}
    state = {
        name: sum(array.nbytes for array in optimizer.state[0].values() if array.size == param.size) / param.size
        for name, optimizer in optimizers.items()
    }
    # In turn: what else the machine does makes some steps slower, and none faster.
    seconds = [[_seconds(optimizer, gradient) for optimizer in optimizers.values()] for _ in range(ROUNDS)]
    fastest = dict(zip(optimizers, np.min(seconds, axis=0).tolist(), strict=True))
    time = {name: fastest[name] / fastest["SGD"] for name in optimizers}
    return Outcome(
        checks=(
            Check("every optimizer but SGD keeps state", all(state[name] > 0 for name in state if name != "SGD")),
            Check("Adam's step takes longer than SGD's", time["Adam"] > 1),
        ),
        numbers=(
            *(Number(f"bytes of state: {name}", state[name], 4.0 * arrays) for name, arrays in ARRAYS.items()),
            *(Number(f"time / SGD's: {name}", time[name]) for name in ("Momentum", "Adam")),
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
