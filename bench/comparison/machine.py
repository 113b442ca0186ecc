"""On what is it measured, and on how many cores?"""

from __future__ import annotations

import os
import platform
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

import onepass as op
from onepass.config import usable_cores

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


def settle_allocator() -> None:
    """Let glibc take arrays of some megabytes from its heap, as it does once a large block has been freed.

    Before, each temporary of NumPy and torch is mapped anew and its pages are faulted in, which makes them up to five
    times slower: it shall not depend on what ran before.
    """
    np.empty(30 * 2**20, np.uint8)  # the largest that still moves the threshold is 32 MiB


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
    versions = {}
    for name in _PEERS:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return {
        "processor": _processor(),
        "cores": usable_cores(),
        "load": os.getloadavg()[0],
        "onepass": op.show_config(),
        "versions": versions,
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.processor()
    )
