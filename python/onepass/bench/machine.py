"""On what is it measured?"""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

import numpy as np


def processor() -> str:
    """Its name, where the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.processor()
    )


def load() -> float | None:
    """How many threads wanted a core in the last minute; None where the system does not tell."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def versions(packages: Iterable[str]) -> dict[str, str]:
    """Of those that are installed."""
    found = {}
    for name in packages:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def settle_allocator() -> None:
    """Let glibc take arrays of some megabytes from its heap, as it does once a large block has been freed.

    Before, each temporary of NumPy and torch is mapped anew and its pages are faulted in, which makes them up to five
    times slower: it shall not depend on what ran before.
    """
    np.empty(30 * 2**20, np.uint8)  # the largest that still moves the threshold is 32 MiB
