"""How many times as fast is a step with more threads? On each threading layer, in cache and from memory.

python bench/scaling.py                       1, 2, 4, ... threads, up to the cores
python bench/scaling.py --threads 1,8 --rounds 30
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Callable
from statistics import median

import numpy as np

import onepass as op
from onepass.config import usable_cores

LAYERS = ("pool", "openmp")
SHAPES = {
    "784-100-10": [(784, 100), (100,), (100, 10), (10,)],
    "1e6": [(1_000_000,)],
    "500 x 64 x 64": [(64, 64)] * 500,
    "64M": [(2**26,)],
}
REST = 0.02  # seconds, after which the threads of the turn before sleep


def counts() -> list[int]:
    cores = usable_cores()
    return [*(2**i for i in range(cores.bit_length()) if 2**i < cores), cores]


def step_of(shapes: list[tuple[int, ...]]) -> Callable[[], object]:
    params, gradients = ([np.full(shape, 0.5, np.float32) for shape in shapes] for _ in range(2))
    optimizer = op.AdamW(params, lr=1e-6)
    return lambda: optimizer.step(gradients)


def microseconds(step: Callable[[], object], least: float = 0.02) -> float:
    """Per step, of steps that follow one another for some time."""
    done, start = 0, time.perf_counter()
    while (seconds := time.perf_counter() - start) < least:
        step()
        done += 1
    return seconds / done * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=lambda text: [int(word) for word in text.split(",")], default=counts())
    parser.add_argument("--rounds", type=int, default=11)
    arguments = parser.parse_args()
    print(op.show_config())
    print(f"{'AdamW, float32':<16}{'layer':<8}" + "".join(f"{count:>16}" for count in arguments.threads))
    for name, shapes in SHAPES.items():
        step = step_of(shapes)
        turns = [(layer, count) for layer in LAYERS for count in arguments.threads]
        times: dict[tuple[str, int], list[float]] = {turn: [] for turn in turns}
        for _ in range(arguments.rounds):
            for layer, count in random.sample(turns, len(turns)):
                op.set_threading_layer(layer)
                op.set_num_threads(count)
                time.sleep(REST)
                step()
                times[layer, count].append(microseconds(step))
        for layer in LAYERS:
            alone = median(times[layer, arguments.threads[0]])
            cells = (median(times[layer, count]) for count in arguments.threads)
            print(
                f"{name:<16}{layer:<8}" + "".join(f"{t:>9.0f} ({alone / t:>4.1f})" for t in cells) + "  µs", flush=True
            )


if __name__ == "__main__":
    main()
