"""Fine-tuning with optimizer state in 8 bits: little more than a quarter of the memory, the same accuracy.

Run `python examples/finetune_8bit.py`; it needs torch and scikit-learn.
"""

from __future__ import annotations

import copy

import numpy as np
import torch
from sklearn.datasets import load_digits

import onepass.torch

EPOCHS, BATCH_SIZE = 5, 32


def digits() -> tuple[torch.Tensor, torch.Tensor]:
    """8 x 8 pixels in [0, 1], and which digit they show, in an order by chance."""
    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(images))
    return torch.from_numpy(images[order] / 16).float(), torch.from_numpy(labels[order])


def train(model: torch.nn.Module, optimizer: torch.optim.Optimizer, images: torch.Tensor, labels: torch.Tensor) -> None:
    for epoch in range(EPOCHS):
        order = torch.randperm(len(images), generator=torch.Generator().manual_seed(epoch))
        for rows in order.split(BATCH_SIZE):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(images[rows]), labels[rows]).backward()
            optimizer.step()


def accuracy(model: torch.nn.Module, images: torch.Tensor, labels: torch.Tensor) -> float:
    with torch.no_grad():
        return (model(images).argmax(dim=1) == labels).float().mean().item()


def state_bytes(optimizer: torch.optim.Optimizer) -> int:
    return sum(value.nbytes for state in optimizer.state.values() for value in state.values() if value.ndim)


def main() -> None:
    torch.manual_seed(0)
    images, labels = digits()
    model = torch.nn.Sequential(
        torch.nn.Linear(64, 256), torch.nn.ReLU(), torch.nn.Linear(256, 256), torch.nn.ReLU(), torch.nn.Linear(256, 10)
    )
    train(model, onepass.torch.AdamW(model.parameters(), lr=1e-3), images[:1400], labels[:1400])

    upside_down = images.flip(dims=(1,))  # what it is tuned to: the same digits turned by 180 degrees
    print(f"before: {accuracy(model, upside_down[1400:], labels[1400:]):.1%} of the turned digits")
    size = sum(param.numel() for param in model.parameters())
    kept = {}
    for dtype in ("float32", "float8"):
        tuned = copy.deepcopy(model)
        optimizer = onepass.torch.AdamW(tuned.parameters(), lr=1e-3, state_dtype=dtype)
        train(tuned, optimizer, upside_down[:1400], labels[:1400])
        right = accuracy(tuned, upside_down[1400:], labels[1400:])
        kept[dtype] = state_bytes(optimizer)
        print(f"{dtype}: {right:.1%} right, {kept[dtype] / size:.2f} bytes of state per weight")
    print(f"memory saved: {1 - kept['float8'] / kept['float32']:.0%} of the optimizer's")


if __name__ == "__main__":
    main()
