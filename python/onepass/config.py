"""On what does onepass run? Instruction set, threads, and how to see and change both."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from onepass import _core
from onepass.checks import Integer

#: How many threads may be asked for.
THREADS = Integer(1, 1025)


def isas() -> list[str]:
    """The instruction-set levels that this machine can run, best first.

    Example:
        >>> import onepass as op
        >>> op.isas()  # doctest: +SKIP
        ['x86_v4', 'x86_v3', 'x86_v2']
    """
    return _core.isas()


@contextmanager
def use_isa(name: str) -> Iterator[None]:
    """Run the kernels of another level for a while, in all threads. The results are the same, bit for bit.

    Args:
        name: one of `isas`.

    Raises:
        ValueError: the level is unknown or not supported here; lists the usable ones.

    Example:
        >>> import onepass as op
        >>> with op.use_isa(op.isas()[-1]):
        ...     pass
    """
    before = _core.get_isa()
    _core.set_isa(name)
    try:
        yield
    finally:
        _core.set_isa(before)


def get_num_threads() -> int:
    """How many threads a step may use."""
    return _core.get_num_threads()


def set_num_threads(threads: int) -> None:
    """Let a step use this many threads. The results are the same, bit for bit, for any number.

    Until it is called, ONEPASS_NUM_THREADS decides, else OMP_NUM_THREADS, else the cores that this process may use.

    Args:
        threads: in [1, 1025).

    Raises:
        TypeError, ValueError: naming the range.
    """
    _core.set_num_threads(THREADS.check("set_num_threads", "threads", threads))


def show_config() -> dict[str, str | int | list[str]]:
    """Version, instruction sets, threads and build, for bug reports; `python -m onepass info` prints it.

    Example:
        >>> import onepass as op
        >>> sorted(op.show_config())
        ['compiler', 'isa', 'isas', 'numpy', 'platform', 'python', 'threads', 'version']
    """
    return {
        "version": _core.version,
        "isa": _core.get_isa(),
        "isas": isas(),
        "threads": get_num_threads(),
        "compiler": _core.compiler,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "platform": platform.platform(),
    }


def usable_cores() -> int:
    """The cores that the affinity mask and the control group leave to this process."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _cgroup_quota()
    return max(1, min(cores, quota) if quota else cores)


def _cgroup_quota() -> int | None:
    """Whole cores of CPU time that the control group grants, rounded up; None without a limit."""
    try:
        limit, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return None if limit == "max" else -(-int(limit) // int(period))
    except (OSError, ValueError):
        pass
    try:
        folder = Path("/sys/fs/cgroup/cpu")
        granted = int((folder / "cpu.cfs_quota_us").read_text())
        return None if granted <= 0 else -(-granted // int((folder / "cpu.cfs_period_us").read_text()))
    except (OSError, ValueError, ZeroDivisionError):
        return None


def _threads_from_environment() -> int:
    """ONEPASS_NUM_THREADS as it stands; OMP_NUM_THREADS, if it is a number, up to the usable cores."""
    if own := os.environ.get("ONEPASS_NUM_THREADS"):
        if not own.isdecimal() or not 1 <= int(own) <= 1024:
            raise ImportError(f"ONEPASS_NUM_THREADS must be an integer in [1, 1024], got {own!r}")
        return int(own)
    shared = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    return min(int(shared), usable_cores()) if shared.isdecimal() and int(shared) > 0 else usable_cores()


def apply_environment() -> None:
    """Take over ONEPASS_ISA and the numbers of threads; called once, at import."""
    _core.set_num_threads(_threads_from_environment())
    if isa := os.environ.get("ONEPASS_ISA"):
        try:
            _core.set_isa(isa)
        except ValueError as error:
            raise ImportError(f"ONEPASS_ISA: {error}") from None
