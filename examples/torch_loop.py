"""One line of a torch loop changed: torch's losses, in less time.

Run `python examples/torch_loop.py`; it needs torch.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

import torch

import onepass.torch

STEPS = 100


def train(new_optimizer: Callable[..., torch.optim.Optimizer]) -> tuple[list[float], float]:
    """The losses, and the microseconds of the median step."""
    torch.manual_seed(0)
    layers = [layer for _ in range(8) for layer in (torch.nn.Linear(32, 32), torch.nn.Tanh())]
    model = torch.nn.Sequential(*layers, torch.nn.Linear(32, 1))
    inputs = torch.randn(64, 32)
    targets = inputs[:, :1].sin()
    optimizer = new_optimizer(model.parameters(), lr=1e-3)

    losses, times = [], []
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(model(inputs), targets)
        loss.backward()
        start = perf_counter()
        optimizer.step()
        times.append(perf_counter() - start)
        losses.append(loss.item())
    return losses, sorted(times)[STEPS // 2] * 1e6


def main() -> None:
    theirs, their_time = train(torch.optim.AdamW)
    ours, our_time = train(onepass.torch.AdamW)  # the one line
    print(f"loss {ours[0]:.4f} at the start, {ours[-1]:.4f} at the end; with torch's step {theirs[-1]:.4f}")
    farthest = max(abs(a / b - 1) for a, b in zip(ours, theirs, strict=True))
    print(f"no loss differs by more than {farthest:.1e} of it")
    print(f"a step takes {our_time:.0f} us, torch's {their_time / our_time:.1f} times that")


if __name__ == "__main__":
    main()
