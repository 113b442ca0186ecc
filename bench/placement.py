"""What does it cost when arrays lie a power of two apart? AdamW with and without its placement, in turn.

python bench/placement.py [--size N] [--rounds N]
"""

from __future__ import annotations

import argparse
from statistics import median
from time import perf_counter, sleep

import numpy as np

import onepass as op
from onepass.optimizer import placement

CASES = {"float32": np.float32, "bfloat16": np.float32, "float8": np.float32, "float16": np.float16}


def milliseconds(size: int, state_dtype: str, *, placed: bool) -> float:
    """The median of some steps on new arrays; parameter and gradient lie where NumPy puts them."""
    before = placement.PLACED_FROM
    placement.PLACED_FROM = before if placed else size * 8 + 1
    try:
        param = np.full(size, 0.5, CASES[state_dtype])
        opt = op.AdamW([param], state_dtype=state_dtype)
    finally:
        placement.PLACED_FROM = before
    gradient = np.full_like(param, 0.06)
    seconds = []
    for _ in range(8):
        start = perf_counter()
        opt.step([gradient])
        seconds.append(perf_counter() - start)
    return 1e3 * median(seconds[2:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=2**26, help="elements (default: 2**26)")
    parser.add_argument("--rounds", type=int, default=5, help="of either, in turn (default: 5)")
    arguments = parser.parse_args()
    print(f"AdamW, {arguments.size:,} elements, {op.get_num_threads()} threads, ms; state as NumPy allocates / placed")
    for state_dtype, param in CASES.items():
        found: dict[bool, list[float]] = {False: [], True: []}
        for _ in range(arguments.rounds):
            for placed, times in found.items():
                times.append(milliseconds(arguments.size, state_dtype, placed=placed))
                sleep(0.02)
        ratio = median(plain / placed for plain, placed in zip(*found.values(), strict=True))
        plain, placed = (median(times) for times in found.values())
        print(f"  {np.dtype(param).name} with {state_dtype:8} state  {plain:6.1f} / {placed:6.1f}   ratio {ratio:.2f}")


if __name__ == "__main__":
    main()
