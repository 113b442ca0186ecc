"""What runs in each process of MPI or gloo: ``program.py mpi|gloo TASK [FOLDER]``. Rank 0 prints what it found."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import onepass as op
from onepass.distributed import Sharded, buckets, load, save
from onepass.distributed.communicator import as_communicator

MICRO_BATCHES = 8
#: Of many messages of their own, and of some that travel together.
SIZES = {"w": 300_000, "b": 3, "v": 5000}


def world(kind: str) -> Any:
    if kind == "mpi":
        from mpi4py import MPI

        return MPI.COMM_WORLD
    if kind == "gloo":
        import torch.distributed as dist

        dist.init_process_group("gloo")
        return dist.group.WORLD
    return None


def built(comm: Any, **options: Any) -> Sharded:
    params = {name: np.linspace(-1, 1, size, dtype=np.float32) for name, size in SIZES.items()}
    return Sharded(op.AdamW, params, comm, clip_norm=1.0, ema=True, accumulate=2, **options)


def train(opt: Sharded, steps: range, dtype: Any = np.float32) -> str:
    each = MICRO_BATCHES // opt.comm.size
    mine = range(opt.comm.rank * each, (opt.comm.rank + 1) * each)
    for step in steps:
        opt.step(
            {
                name: [np.random.default_rng([step, one]).random(size, np.float32).astype(dtype) for one in mine]
                for name, size in SIZES.items()
            }
        )
    arrays = [*opt.params, *opt.whole("ema")]
    return hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()


def bits(comm: Any, folder: str) -> Any:
    """One hash, also where ranks have other instruction sets; and what is saved is gone on with."""
    opt = built(comm, state_dtype="bfloat16")
    with op.use_isa(op.isas()[opt.comm.rank % len(op.isas())]):
        first = train(opt, range(4))
        save(folder, opt, extra=4)
        other = built(comm, state_dtype="bfloat16")
        assert load(folder, other) == 4
        found = train(opt, range(4, 6)), train(other, range(4, 6))
    assert found[0] == found[1]
    return [first, found[0]]


def resume(comm: Any, folder: str) -> Any:
    opt = built(comm, state_dtype="bfloat16")
    load(folder, opt)
    return train(opt, range(4, 6))


def gil(comm: Any, _: str) -> Any:
    """How often another thread runs while this one waits for other ranks."""
    own, count, done = as_communicator(comm), 0, threading.Event()

    def work() -> None:
        nonlocal count
        while not done.wait(0.001):
            count += 1

    thread = threading.Thread(target=work)
    thread.start()
    if own.rank == 1:
        time.sleep(0.5)
    own.gather(b"x" * 1000)
    done.set()
    thread.join()
    return count


def messages(comm: Any, _: str) -> Any:
    """What the communicator promises, with arrays of every size and more bytes than travel at once."""
    own = as_communicator(comm)
    assert own.gather(bytes([own.rank]) * (1 + 100 * own.rank)) == [
        bytes([rank]) * (1 + 100 * rank) for rank in range(own.size)
    ]
    sizes = (0, 1, 1000, 10**6, 3)
    arrays = [np.full(size, own.rank, np.int16) for size in sizes]
    rooms = [[np.empty(size, np.int16) for size in sizes if rank != own.rank] for rank in range(own.size)]
    own.exchange([arrays if rank != own.rank else [] for rank in range(own.size)], rooms)
    return all(bool((room == rank).all()) for rank, each in enumerate(rooms) for room in each)


def in_the_midst(own: Any, act: Callable[[], Any]) -> None:
    """Lets this rank do something when some buckets of a step have come and gone, and the next are on their way."""
    buckets.ELEMENTS = 2**16
    start, calls = own.start, 0

    def counted(send: Any, receive: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 8:
            act()
        return start(send, receive)

    own.start = counted


def dies_in_a_step(comm: Any, folder: str) -> Any:
    """The last rank is killed while buckets are on their way."""
    own = as_communicator(comm)
    opt = built(own)
    save(folder, opt, extra=0)
    in_the_midst(own, lambda: os.kill(os.getpid(), signal.SIGKILL) if own.rank == own.size - 1 else None)
    train(built(own), range(2))
    return "went on"


def waits_in_a_step(comm: Any, folder: str) -> Any:
    """All wait for one that sleeps while buckets are on their way."""
    own = as_communicator(comm)

    def sleep() -> None:
        open(os.path.join(folder, f"{own.rank}"), "w").close()
        if own.rank == 0:
            time.sleep(300)

    in_the_midst(own, sleep)
    train(built(own), range(2))
    return "went on"


def dies(comm: Any, folder: str) -> Any:
    """The last rank is killed while the others wait for it in a step."""
    opt = built(comm)
    save(folder, opt, extra=0)
    if opt.comm.rank == opt.comm.size - 1:
        os.kill(os.getpid(), signal.SIGKILL)
    train(opt, range(1))
    return "went on"


def raises(comm: Any, _: str) -> Any:
    """The last rank raises in the program's own code, while the others are in a step."""
    opt = built(comm)
    if opt.comm.rank == opt.comm.size - 1:
        raise ArithmeticError("of the program")
    train(opt, range(1))
    return "went on"


def waits(comm: Any, folder: str) -> Any:
    """All wait for one that sleeps."""
    own = as_communicator(comm)
    open(os.path.join(folder, f"{own.rank}"), "w").close()
    if own.rank == 0:
        time.sleep(300)
    own.gather(b"")
    return "went on"


def timeout(comm: Any, _: str) -> Any:
    from onepass.distributed.mpi import Mpi

    own = Mpi(comm, timeout=0.5)
    if own.rank == 0:
        time.sleep(1.5)
        own.gather(b"")
        return "late"
    try:
        own.gather(b"")
    except TimeoutError as error:
        sys.stderr.write(str(error))
        return None
    return "went on"


if __name__ == "__main__":
    kind, tasks, folder = (*sys.argv[1:], "")[:3]
    comm = world(kind)
    found = {task: globals()[task](comm, folder) for task in tasks.split(",")}
    if as_communicator(comm).rank == 0:
        print(json.dumps(found), flush=True)
