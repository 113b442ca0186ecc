"""What would I gain? ``python -m onepass.torch`` times steps and training loops on this machine, in about a minute."""

from __future__ import annotations

import argparse
import os

import torch

from onepass.bench.turns import times_of
from onepass.config import get_num_threads, set_num_threads
from onepass.torch.gain import ADAMW, DEEP, MLP, iteration_of, report, step_of

#: Seconds for each table.
LIMIT = 12.0


def main() -> None:
    """Print a small table."""
    parser = argparse.ArgumentParser(prog="python -m onepass.torch", description=__doc__)
    parser.add_argument("--rounds", type=int, default=100, help="each gives every contender a turn (default: 100)")
    parser.add_argument("--threads", type=int, help="for both (default: what onepass takes)")
    arguments = parser.parse_args()
    if arguments.threads is not None:
        set_num_threads(arguments.threads)
    torch.set_num_threads(get_num_threads())
    print(
        f"threads: {get_num_threads()}, torch {torch.__version__}, load {os.getloadavg()[0]:.1f}; AdamW; "
        " medians in µs, and how many times that of onepass"
    )
    for what, turn_of in (("the step, behind a backward", step_of), ("a whole iteration", iteration_of)):
        for task in (MLP, DEEP):
            print(f"\n{task.name}: {what}")
            print(report(times_of({name: turn_of(task, one) for name, one in ADAMW.items()}, arguments.rounds, LIMIT)))


if __name__ == "__main__":
    main()
