"""On what is it measured, and on how many cores?"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import onepass as op
from onepass.bench.machine import load, processor, settle_allocator, versions
from onepass.config import usable_cores

__all__ = ["describe", "settle_allocator", "spare_memory", "use_threads"]

_PEERS = ("numpy", "torch", "jax", "optax", "thinc", "deepspeed")


def use_threads(threads: int) -> None:
    """Let every library use so many threads.

    onepass and torch are told. XLA cannot be, once it runs: so all threads of this process are bound to so many cores
    (on Linux; elsewhere optax keeps all cores).
    """
    op.set_num_threads(threads)
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(threads)
    if hasattr(os, "sched_setaffinity"):
        cores = set(_CORES[:threads])
        for task in Path("/proc/self/task").iterdir():
            try:
                os.sched_setaffinity(int(task.name), cores)
            except ProcessLookupError:  # a thread that has just ended
                continue


_CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


def spare_memory(most: int) -> int:
    """Three quarters of the memory that is available, where the system tells, but not more than `most` bytes."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return most
    kibibytes = next((int(line.split()[1]) for line in lines if line.startswith("MemAvailable")), None)
    return most if kibibytes is None else min(most, kibibytes * 1024 * 3 // 4)


def describe() -> dict[str, Any]:
    """For the record: processor, versions, configuration."""
    return {
        "processor": processor(),
        "cores": usable_cores(),
        "load": load(),
        "onepass": op.show_config(),
        "versions": versions(_PEERS),
    }
