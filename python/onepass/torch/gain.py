"""How much faster is training with the step of onepass on this machine? Loops and steps, in turn with torch's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median

import torch
from torch import nn

from onepass.bench.turns import OWN, Call, Turn, ratios
from onepass.optimizers import AdamW
from onepass.torch.classes import optimizer_for

#: Makes what steps these parameters, once their gradients are there.
Contender = Callable[[list[nn.Parameter]], Call]


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


def report(times: Mapping[str, list[float]]) -> str:
    """A line for each contender: the median in microseconds, and how many times that of onepass."""
    factors = ratios(times)
    return "\n".join(
        f"  {name:<15} {1e6 * median(found):>11,.1f} {factors[name]:>8.2f}" for name, found in times.items()
    )
