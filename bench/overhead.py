"""What does a step cost around its kernel? A new learning rate, a schedule, an option; and what grows with the arrays.

python bench/overhead.py          per step of 1,000 float32, over the plain step; then building, saving, loading
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from statistics import median

import numpy as np

import onepass as op

ROUNDS, STEPS = 31, 1000

Call = Callable[[], object]


def adamw(**options: float) -> tuple[op.AdamW, list[np.ndarray]]:
    return op.AdamW([np.zeros(1000, np.float32)], **options), [np.ones(1000, np.float32)]


def plain() -> Call:
    optimizer, gradients = adamw()
    return lambda: optimizer.step(gradients)


def new_rate() -> Call:
    optimizer, gradients = adamw()
    rates = itertools.cycle([1e-3, 2e-3])

    def step() -> None:
        optimizer.param_groups[0]["lr"] = next(rates)
        optimizer.step(gradients)

    return step


def schedule() -> Call:
    optimizer, gradients = adamw()
    op.schedules.CosineAnnealingLR(T_max=100).attach(optimizer)
    return lambda: optimizer.step(gradients)


def option_of_the_optimizer() -> Call:
    optimizer, gradients = adamw(grad_scale=2.0)
    return lambda: optimizer.step(gradients)


def option_of_the_step() -> Call:
    optimizer, gradients = adamw()
    return lambda: optimizer.step(gradients, grad_scale=2.0)


def another_option_each_step() -> Call:
    optimizer, gradients = adamw()
    scales = itertools.cycle([2.0, 4.0])
    return lambda: optimizer.step(gradients, grad_scale=next(scales))


def microseconds(call: Call) -> float:
    start = time.perf_counter()
    for _ in range(STEPS):
        call()
    return (time.perf_counter() - start) / STEPS * 1e6


def around_a_step() -> None:
    """All in turn, round after round; the medians of the differences to the plain step of the same round."""
    calls = [make() for make in (plain, *BESIDE)]
    for call in calls:
        microseconds(call)
    rounds = [[microseconds(call) for call in calls] for _ in range(ROUNDS)]
    print(f"{'plain step':<28}{median(times[0] for times in rounds):>8.2f} µs")
    for number, make in enumerate(BESIDE, 1):
        name = make.__name__.replace("_", " ")
        print(f"{name:<28}{median(times[number] - times[0] for times in rounds):>+8.2f} µs")


BESIDE = (new_rate, schedule, option_of_the_optimizer, option_of_the_step, another_option_each_step)


def seconds(name: str, call: Callable[[], object]) -> None:
    start = time.perf_counter()
    call()
    print(f"  {name:<20}{time.perf_counter() - start:>8.2f} s")


def of_many_arrays(count: int) -> None:
    print(f"{count:,} named arrays")
    params = {f"p{i}": np.zeros(4, np.float32) for i in range(count)}
    gradients = {name: np.ones(4, np.float32) for name in params}
    optimizer = op.AdamW(params)
    seconds("build", lambda: op.AdamW(params))
    seconds("step", lambda: optimizer.step(gradients))
    seconds("state_dict", optimizer.state_dict)
    saved = optimizer.state_dict()
    seconds("load_state_dict", lambda: optimizer.load_state_dict(saved))
    seconds("LBFGS", lambda: op.LBFGS(params))


def of_many_groups(count: int) -> None:
    print(f"{count:,} groups under a schedule")
    params, gradients = ([np.zeros(4, np.float32) for _ in range(count)] for _ in range(2))
    groups = [{"params": [param]} for param in params]
    optimizer = op.AdamW(groups)
    seconds("build", lambda: op.AdamW(groups))
    seconds("attach", lambda: op.schedules.CosineAnnealingLR(T_max=100).attach(optimizer))
    seconds("step", lambda: optimizer.step(gradients))
    seconds("state_dict", optimizer.state_dict)
    saved = optimizer.state_dict()
    seconds("load_state_dict", lambda: optimizer.load_state_dict(saved))

    def grow() -> None:
        grown = op.AdamW(groups[:1])
        for group in groups[1:]:
            grown.add_param_group(group)

    seconds("add one by one", grow)


if __name__ == "__main__":
    around_a_step()
    for count in (25_000, 100_000):
        of_many_arrays(count)
    for count in (2_500, 10_000):
        of_many_groups(count)
