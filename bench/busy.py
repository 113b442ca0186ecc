"""What does a step cost beside other work, on each threading layer? A thread that spins may hold the core it waits for.

python bench/busy.py                          all situations; those with torch where it is installed
python bench/busy.py --rounds 500 product     one of them, longer

Every round gives each contender one turn: rest, what goes before, and one timed step. `auto` is onepass as it comes.
"""

from __future__ import annotations

import argparse
import contextlib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import median, quantiles
from typing import Any

import numpy as np

import onepass as op

try:
    import torch
except ModuleNotFoundError:
    torch = None

LAYERS = ["auto", "pool", "openmp"]
TORCH = "torch-fused"
MLP = [(784, 100), (100,), (100, 10), (10,)]
MILLION = [(1_000_000,)]
REST = 0.02  # seconds, after which a team sleeps

Call = Callable[[], object]


@dataclass
class Turn:
    """What a contender does in a round: `before` is not timed."""

    before: Call
    step: Call


def own(shapes: list[tuple[int, ...]]) -> Call:
    rng = np.random.default_rng(0)
    params, gradients = ([rng.standard_normal(shape).astype(np.float32) for shape in shapes] for _ in range(2))
    optimizer = op.AdamW(params, lr=1e-6)
    return lambda: optimizer.step(gradients)


def fused(shapes: list[tuple[int, ...]]) -> Call:
    params = [torch.nn.Parameter(torch.randn(shape)) for shape in shapes]
    for param in params:
        param.grad = torch.randn_like(param)
    return torch.optim.AdamW(params, lr=1e-6, fused=True).step


def turns(shapes: list[tuple[int, ...]], before: Callable[[Call], object]) -> dict[str, Turn]:
    """A step of AdamW by each contender on arrays of its own; `before` may call it, too."""
    steps = {layer: own(shapes) for layer in LAYERS} | ({TORCH: fused(shapes)} if torch else {})
    return {name: Turn(lambda step=step: before(step), step) for name, step in steps.items()}


@contextlib.contextmanager
def alone() -> Iterator[dict[str, Turn]]:
    def before(step: Call) -> None:
        for _ in range(5):
            step()

    yield turns(MLP, before)


@contextlib.contextmanager
def product() -> Iterator[dict[str, Turn]]:
    images, weights = np.ones((64, 784), np.float32), np.ones((784, 100), np.float32)
    yield turns(MLP, lambda _: images @ weights)


@contextlib.contextmanager
def backward() -> Iterator[dict[str, Turn]]:
    images, labels = torch.randn(256, 784), torch.randint(0, 10, (256,))

    def turn(contender: str) -> Turn:
        model = torch.nn.Sequential(torch.nn.Linear(784, 256), torch.nn.ReLU(), torch.nn.Linear(256, 10))
        params = list(model.parameters())
        if contender == TORCH:
            step: Call = torch.optim.AdamW(params, lr=1e-3, fused=True).step
        else:
            optimizer = op.AdamW([param.detach().numpy() for param in params], lr=1e-3)

            def step() -> object:
                return optimizer.step([param.grad.numpy() for param in params])

        def before() -> None:
            for param in params:
                param.grad = None
            torch.nn.functional.cross_entropy(model(images), labels).backward()

        return Turn(before, step)

    yield {contender: turn(contender) for contender in (*LAYERS, TORCH)}


@contextlib.contextmanager
def fused_before() -> Iterator[dict[str, Turn]]:
    other = fused(MILLION)
    yield turns(MILLION, lambda _: other())


@contextlib.contextmanager
def fused_and_rest() -> Iterator[dict[str, Turn]]:
    other = fused(MILLION)
    yield turns(MILLION, lambda _: (other(), time.sleep(REST)))


@contextlib.contextmanager
def neighbour() -> Iterator[dict[str, Turn]]:
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as process:
        try:
            yield turns(MLP, lambda step: step())
        finally:
            process.kill()


#: By name: what it is, whether it takes torch, and who does what.
SITUATIONS: dict[str, tuple[str, bool, Callable[[], Any]]] = {
    "alone": ("784-100-10, step after step", False, alone),
    "product": ("784-100-10, right after a NumPy product", False, product),
    "neighbour": ("784-100-10, beside a busy process", False, neighbour),
    "backward": ("784-256-10, right after a torch backward, batch 256", True, backward),
    "fused": ("1e6, right after a torch fused step of 1e6", True, fused_before),
    "rest": ("the same, and 20 ms of rest", True, fused_and_rest),
}


def measure(contenders: dict[str, Turn], rounds: int) -> dict[str, list[float]]:
    """Microseconds of each step."""
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(-3, rounds):
        for name, turn in contenders.items():
            if name in LAYERS:
                op.set_threading_layer(name)
            time.sleep(REST)  # the threads of the turn before go to sleep
            turn.before()
            start = time.perf_counter()
            turn.step()
            if number >= 0:
                times[name].append(1e6 * (time.perf_counter() - start))
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("situations", nargs="*", metavar="situation", help=", ".join(SITUATIONS))
    parser.add_argument("--rounds", type=int, default=100)
    arguments = parser.parse_args()
    if unknown := set(arguments.situations) - set(SITUATIONS):
        parser.error(f"there is no {', '.join(unknown)}; there are {', '.join(SITUATIONS)}")
    if torch:
        torch.set_num_threads(op.get_num_threads())
    config = op.show_config()
    if "openmp" not in config["threading_layers"]:
        LAYERS.remove("openmp")
    print(f"{config['threads']} threads, {config['isa']}; medians in µs and how many times auto's, (quartiles)")
    for name in arguments.situations or SITUATIONS:
        what, takes_torch, contenders = SITUATIONS[name]
        if takes_torch and not torch:
            print(f"\n{name}: needs torch")
            continue
        with contenders() as prepared:
            times = measure(prepared, arguments.rounds)
        print(f"\n{name}: {what}")
        for contender, found in times.items():
            low, _, high = quantiles(found, n=4)
            ratio = median(found) / median(times["auto"])
            print(f"  {contender:<12} {median(found):>9.1f} {ratio:>7.2f}   ({low:.1f} - {high:.1f})")


if __name__ == "__main__":
    main()
