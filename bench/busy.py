"""How long does a step take when another thread holds a core? Right after a matrix product, whose BLAS threads spin.

python bench/busy.py      onepass and, if it is there, torch's fused step, on a network of 784-100-10
"""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median, quantiles

import numpy as np

import onepass as op

SHAPES = [(784, 100), (100,), (100, 10), (10,)]
ROUNDS = 500


def steps() -> dict[str, Callable[[], object]]:
    """A step of AdamW by each contender, on parameters of its own."""
    rng = np.random.default_rng(0)
    params, gradients = ([rng.standard_normal(shape).astype(np.float32) for shape in SHAPES] for _ in range(2))
    own = op.AdamW(params, lr=1e-6)
    found: dict[str, Callable[[], object]] = {"onepass": lambda: own.step(gradients)}
    try:
        import torch
    except ModuleNotFoundError:
        return found
    torch.set_num_threads(op.get_num_threads())
    torch_params = [torch.nn.Parameter(torch.from_numpy(param.copy())) for param in params]
    for param, gradient in zip(torch_params, gradients, strict=True):
        param.grad = torch.from_numpy(gradient)
    return found | {"torch-fused": torch.optim.AdamW(torch_params, lr=1e-6, fused=True).step}


def main() -> None:
    images = np.ones((64, 784), np.float32)
    weights = np.ones((784, 100), np.float32)
    print(f"{'':<12} {'alone':>10} {'after a product':>16}   quartiles, µs")
    for name, step in steps().items():
        columns = []
        for busy in (False, True):
            times = []
            for _ in range(ROUNDS):
                if busy:
                    images @ weights
                start = time.perf_counter()
                step()
                times.append(1e6 * (time.perf_counter() - start))
            columns.append(times)
        low, _, high = quantiles(columns[1], n=4)
        print(f"{name:<12} {median(columns[0]):>10.1f} {median(columns[1]):>16.1f}   {low:.1f} - {high:.1f}")


if __name__ == "__main__":
    main()
