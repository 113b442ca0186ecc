"""Gradients by HIPS autograd, steps by onepass: beside autograd's own Adam, the same weights sooner.

Run `python examples/autograd_loop.py`; it needs autograd.
"""

from __future__ import annotations

from itertools import pairwise
from time import perf_counter

import autograd.numpy as anp
import numpy as np
from autograd import grad
from autograd.misc.optimizers import adam

import onepass as op

STEPS, LR = 100, 0.01
SIZES = (2, 256, 256, 1)

rng = np.random.default_rng(0)
inputs = rng.uniform(-2, 2, (64, 2))
targets = np.sin(inputs[:, :1]) * np.cos(inputs[:, 1:])


def new_params() -> list[np.ndarray]:
    """Weights and biases, layer by layer."""
    rng = np.random.default_rng(1)
    shapes = [shape for n, m in pairwise(SIZES) for shape in ((n, m), (m,))]
    return [rng.standard_normal(shape) / np.sqrt(shape[0]) for shape in shapes]


def loss(params: list[np.ndarray]) -> float:
    x = inputs
    for w, b in zip(params[:-2:2], params[1:-2:2], strict=True):
        x = anp.tanh(x @ w + b)
    return anp.mean((x @ params[-2] + params[-1] - targets) ** 2)


def with_onepass() -> tuple[list[np.ndarray], float]:
    """The weights and the seconds of the updates alone."""
    params, gradient, seconds = new_params(), grad(loss), 0.0
    opt = op.Adam(params, lr=LR)  # float64, as autograd computes
    for _ in range(STEPS):
        g = gradient(params)
        start = perf_counter()
        opt.step(g)
        seconds += perf_counter() - start
    return params, seconds


def with_autograd() -> tuple[list[np.ndarray], float]:
    """The same with its own optimizer, which calls the gradient: that time is taken off."""
    gradient, spent = grad(loss), 0.0

    def timed(params: list[np.ndarray], _: int) -> list[np.ndarray]:
        nonlocal spent
        start = perf_counter()
        result = gradient(params)
        spent += perf_counter() - start
        return result

    start = perf_counter()
    params = adam(timed, new_params(), num_iters=STEPS, step_size=LR)
    return params, perf_counter() - start - spent


def main() -> None:
    ours, our_seconds = with_onepass()
    theirs, their_seconds = with_autograd()
    print(f"loss {loss(new_params()):.4f} at the start, {loss(ours):.4f} after {STEPS} steps")
    same = all(np.allclose(a, b, rtol=1e-6, atol=1e-9) for a, b in zip(ours, theirs, strict=True))
    print(f"the weights of autograd's adam: {same}")
    print(
        f"an update takes {our_seconds / STEPS * 1e6:.0f} us, autograd's {their_seconds / our_seconds:.1f} times that"
    )


if __name__ == "__main__":
    main()
