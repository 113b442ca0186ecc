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
    """How many threads a step may use, unless an optimizer has its own `threads`."""
    return _core.get_num_threads()


def set_num_threads(threads: int) -> None:
    """Let a step use this many threads. The results are the same, bit for bit, for any number.

    Until it is called, ONEPASS_NUM_THREADS decides, else OMP_NUM_THREADS up to the cores that this process may use, or
    their number. With OpenMP's team (`set_threading_layer`), what neither call nor ONEPASS_NUM_THREADS has decided is
    bounded by OpenMP's own limit, which threadpoolctl and ``torch.set_num_threads`` change.

    Args:
        threads: in [1, 1025).

    Raises:
        TypeError, ValueError: naming the range.
    """
    _core.set_num_threads(THREADS.check("set_num_threads", "threads", threads))


def get_threading_layer() -> str:
    """The threading layer that was chosen, ``"auto"`` if none was; `show_config` has the one in force."""
    return _core.get_threading_layer()


def set_threading_layer(name: str) -> None:
    """Choose who shares a step's work, in all threads. The results are the same, bit for bit.

    Until it is called, ONEPASS_THREADING_LAYER decides, else it is ``"auto"``.

    Args:
        name: ``"pool"``, onepass's own workers, for which a step never waits; ``"openmp"``, the team of GNU's OpenMP
            that torch and others in the process use; ``"serial"``, no other thread; ``"auto"``: openmp where the
            process has loaded GNU's OpenMP, as long as its team answers, else pool.

    Raises:
        ValueError: there is no such layer, or it cannot be had here; says why, and what to do.

    Example:
        >>> import onepass as op
        >>> op.set_threading_layer("pool")
        >>> op.get_threading_layer()
        'pool'
        >>> op.set_threading_layer("auto")
    """
    _core.set_threading_layer(name)


def show_config() -> dict[str, str | int | list[str]]:
    """Version, instruction sets, threads and build, for bug reports; `python -m onepass info` prints it.

    To see whether OpenMP is to be had, it loads it.

    Example:
        >>> import onepass as op
        >>> sorted(op.show_config())  # doctest: +NORMALIZE_WHITESPACE
        ['compiler', 'isa', 'isas', 'numpy', 'platform', 'python', 'threading_layer', 'threading_layers', 'threads',
         'version']
    """
    chosen, in_force = get_threading_layer(), _core.get_threading_layer_in_force()
    return {
        "version": _core.version,
        "isa": _core.get_isa(),
        "isas": isas(),
        "threads": get_num_threads(),
        "threading_layer": in_force if in_force == chosen else f"{in_force} ({chosen})",
        "threading_layers": [
            f"no {name}: {lacks}" if lacks else name for name, lacks in _core.threading_layers().items()
        ],
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


def _threads_from_environment() -> int | None:
    if not (own := os.environ.get("ONEPASS_NUM_THREADS")):
        return None
    if not own.isdecimal() or not 1 <= int(own) <= 1024:
        raise ImportError(f"ONEPASS_NUM_THREADS must be an integer in [1, 1024], got {own!r}")
    return int(own)


def _default_threads() -> int:
    """OMP_NUM_THREADS, if it is a number, up to the usable cores."""
    shared = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    return min(int(shared), usable_cores()) if shared.isdecimal() and int(shared) > 0 else usable_cores()


def apply_environment() -> None:
    """Take over ONEPASS_ISA, ONEPASS_THREADING_LAYER and the numbers of threads; called once, at import."""
    _core.set_default_num_threads(_default_threads())
    if threads := _threads_from_environment():
        _core.set_num_threads(threads)
    for name, choose in (("ONEPASS_ISA", _core.set_isa), ("ONEPASS_THREADING_LAYER", _core.set_threading_layer)):
        if value := os.environ.get(name):
            try:
                choose(value)
            except ValueError as error:
                raise ImportError(f"{name}: {error}") from None
