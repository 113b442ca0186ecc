"""What does a sum of gradients cost in the pass of AdamW, beside one made before the step? In turn, medians.

python bench/gradient_sums.py [--size N] [--count K] [--rounds N]

Before the step: by onepass in one pass on the same threads, and as NumPy's users do, by np.add in a chain.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from statistics import median
from time import perf_counter, sleep

import numpy as np

import onepass as op


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=2**26, help="elements (default: 2**26)")
    parser.add_argument("--count", type=int, default=8, help="arrays that are summed (default: 8)")
    parser.add_argument("--rounds", type=int, default=9, help="of each, in turn (default: 9)")
    arguments = parser.parse_args()
    opt = op.AdamW([np.full(arguments.size, 0.5, np.float32)])
    gradients = [np.full(arguments.size, 0.01 * (number + 1), np.float32) for number in range(arguments.count)]
    # A call that only gathers is a sum in one pass. Its parameter is never stepped: any array of the size will do.
    gathering = op.SGD([np.zeros(arguments.size, np.float32)], accumulate=2**31 - 1)
    one_pass, chained = gathering.state[0]["grad_sum"], np.zeros_like(gradients[0])

    def in_the_pass() -> None:
        opt.step([gradients])

    def in_one_pass_before() -> None:
        gathering.state[0]["grad_count"][...] = 0  # or it would add to the sum before
        gathering.step([gradients])
        opt.step([one_pass])

    def by_a_chain_before() -> None:
        np.copyto(chained, gradients[0])
        for gradient in gradients[1:]:
            np.add(chained, gradient, out=chained)
        opt.step([chained])

    ways: list[Callable[[], None]] = [in_the_pass, in_one_pass_before, by_a_chain_before]
    seconds: dict[Callable[[], None], list[float]] = {way: [] for way in ways}
    for _ in range(arguments.rounds + 1):
        for way in ways:
            sleep(0.02)
            start = perf_counter()
            way()
            seconds[way].append(perf_counter() - start)
    print(f"AdamW, {arguments.size:,} elements, {arguments.count} float32 arrays, {op.get_num_threads()} threads")
    for way in ways:
        times = seconds[way][1:]
        ratios = sorted(one / other for one, other in zip(times, seconds[in_the_pass][1:], strict=True))
        name = way.__name__.replace("_", " ")
        print(f"  {name:20} {1e3 * median(times):7.1f} ms, best {1e3 * min(times):7.1f}   x {median(ratios):.2f}")


if __name__ == "__main__":
    main()
