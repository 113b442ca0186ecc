"""How much faster is training with the step of onepass on this machine? Loops and steps, in turn with torch's."""

from __future__ import annotations

import gc
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median

import torch
from torch import nn

from onepass.optimizers import AdamW
from onepass.torch.classes import optimizer_for

Call = Callable[[], object]
#: Makes what steps these parameters, once their gradients are there.
Contender = Callable[[list[nn.Parameter]], Call]

OWN = "onepass"
#: Seconds after which the threads of the turn before sleep.
REST = 0.02
#: Seconds of the same work ahead of a timed call: what is timed is a loop that runs, not one that wakes up.
RUN_IN = 0.01


@dataclass(frozen=True)
class Task:
    """A model, and inputs and classes to learn."""

    name: str
    model: Callable[[], nn.Module]
    data: Callable[[], tuple[torch.Tensor, torch.Tensor]]


def _mlp() -> nn.Module:
    return nn.Sequential(nn.Linear(784, 100), nn.ReLU(), nn.Linear(100, 10))


def _deep() -> nn.Module:
    """Orthogonal weights: else gradients shrink to 1e-17 on their way, and their squares are subnormal numbers."""
    layers = [nn.Linear(64, 64, bias=False) for _ in range(60)]
    for layer in layers:
        nn.init.orthogonal_(layer.weight)
    return nn.Sequential(*layers)


MLP = Task("784-100-10, batch 32", _mlp, lambda: (torch.randn(32, 784), torch.randint(0, 10, (32,))))
DEEP = Task("60 layers of 64 x 64", _deep, lambda: (torch.randn(32, 64), torch.randint(0, 64, (32,))))

_AdamW = optimizer_for(AdamW)

ADAMW: dict[str, Contender] = {
    OWN: lambda params: _AdamW(params, lr=1e-3).step,
    "torch-fused": lambda params: torch.optim.AdamW(params, lr=1e-3, fused=True).step,
    "torch-foreach": lambda params: torch.optim.AdamW(params, lr=1e-3, foreach=True).step,
    "torch-default": lambda params: torch.optim.AdamW(params, lr=1e-3).step,
}


@dataclass
class Turn:
    """What a contender does in a round: `before` is not timed."""

    before: Call
    timed: Call
    params: list[nn.Parameter]


def backward_of(task: Task) -> tuple[list[nn.Parameter], Call]:
    """Parameters, the same each time, and what gives them fresh gradients."""
    torch.manual_seed(0)
    model = task.model()
    inputs, classes = task.data()

    def backward() -> None:
        model.zero_grad()
        nn.functional.cross_entropy(model(inputs), classes).backward()  # type: ignore[no-untyped-call]

    return list(model.parameters()), backward


def step_of(task: Task, contender: Contender) -> Turn:
    """The step alone, right behind a backward pass."""
    params, backward = backward_of(task)
    return Turn(backward, contender(params), params)


def iteration_of(task: Task, contender: Contender) -> Turn:
    """Forward, backward and step."""
    params, backward = backward_of(task)
    step = contender(params)
    return Turn(lambda: None, lambda: (backward(), step()), params)


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


def ratios(times: Mapping[str, list[float]]) -> dict[str, float]:
    """How many times as long as onepass each takes: the median over the rounds."""
    return {
        name: median(other / own for other, own in zip(found, times[OWN], strict=True)) for name, found in times.items()
    }


def report(times: Mapping[str, list[float]]) -> str:
    """A line for each contender: the median in microseconds, and how many times that of onepass."""
    factors = ratios(times)
    return "\n".join(
        f"  {name:<15} {1e6 * median(found):>11,.1f} {factors[name]:>8.2f}" for name, found in times.items()
    )
