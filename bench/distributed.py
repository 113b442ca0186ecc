"""How long does a step of many processes take, beside what one would write by hand, and beside torch's?

python bench/distributed.py                    GPT-2's 124 million parameters, AdamW, 2 processes on this machine
python bench/distributed.py --ranks 4 --blocks 2     so many processes, and blocks of GPT-2 without its embeddings
python bench/distributed.py --without-torch
python bench/distributed.py --bucket 4.2e6           of other buckets; one of 1e12 is all at once
python bench/distributed.py --model 124e6 600        what a step should take on up to 1,024 machines

Under MPI: `Sharded` against Reduce_scatter, onepass's own step of the shard, and Allgather, on flat arrays. Under gloo:
`Sharded` against the averaging of the gradients in buckets and torch's ZeroRedundancyOptimizer. All in turn, round
after round; the best and the median of each.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from comparison.cases import CASES, _gpt2

import onepass as op
from onepass.distributed import Sharded, buckets
from onepass.distributed.communicator import Communicator, as_communicator

#: What the step by hand may take at least, by ranks, and how many times as long torch's must take.
BY_HAND, TORCH = {2: 1.0, 4: 1 / 1.2}, {"torch ZeRO": 2.0}
#: Of a message between machines.
LATENCY_MS = 0.02
#: Bytes that torch's DistributedDataParallel averages at once.
BUCKET = 25 * 2**20


def shapes_of(blocks: int) -> list[tuple[int, ...]]:
    return list(CASES["gpt2"].shapes if not blocks else _gpt2(blocks))


def cut(flat: np.ndarray, shapes: list[tuple[int, ...]]) -> list[np.ndarray]:
    """Views of a flat array."""
    found, at = [], 0
    for shape in shapes:
        size = int(np.prod(shape))
        found.append(flat[at : at + size].reshape(shape))
        at += size
    return found


def timed(comm: Communicator, steps: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Milliseconds of each round, from when all begin to when all are done."""
    found: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(rounds + 1):
        for name, step in steps.items():
            comm.gather(b"")
            start = time.perf_counter()
            step()
            comm.gather(b"")
            found[name].append(1e3 * (time.perf_counter() - start))
    return {name: times[1:] for name, times in found.items()}  # the first touches its memory


def share_of_state(opt: Sharded) -> float:
    """This process's, in whole states."""
    own = sum(array.nbytes for state in opt.local.state for array in state.values())
    return own / (8 * sum(param.size for param in opt.params))


def phases(opt: Sharded, gradients: list[np.ndarray]) -> dict[str, Callable[[], object]]:
    """The parts of a step, one after the other, without its buckets' overlap: gradients are added as they come."""
    flat = [gradient.reshape(-1) for gradient in gradients]
    exchange = opt._exchange([[gradient.dtype for gradient in gradients]])
    addends = exchange.addends([flat])
    return {
        "exchange of gradients": lambda: exchange.addends([flat]),
        "step of the shard": lambda: opt.local.step(opt._listed(addends)),
        "exchange of parameters": opt.complete,
    }


def under_mpi(shapes: list[tuple[int, ...]], rounds: int) -> dict[str, Any]:
    import ml_dtypes
    from mpi4py import MPI

    world = MPI.COMM_WORLD
    comm = as_communicator(world)
    size = sum(int(np.prod(shape)) for shape in shapes)
    padded = -(-size // (64 * world.size)) * 64 * world.size
    params, gradient = np.zeros(padded, np.float32), np.full(padded, 1e-3, np.float32)
    share = padded // world.size
    shard, summed = params[world.rank * share : (world.rank + 1) * share], np.empty(share, np.float32)
    opt = Sharded(op.AdamW, cut(params, shapes), world)
    by_hand = op.AdamW([shard], threads=opt.local.threads)
    gradients = cut(gradient, shapes)
    narrow = [one.astype(ml_dtypes.bfloat16) for one in gradients]
    of_narrow = Sharded(op.AdamW, opt.params, world)  # which keeps room for what it receives
    clipped = Sharded(op.AdamW, opt.params, world, clip_norm=1.0)

    def hand() -> None:
        world.Reduce_scatter_block(gradient, summed)
        by_hand.step([summed], grad_scale=float(world.size))
        world.Allgather(MPI.IN_PLACE, params)

    steps = {
        "by hand": hand,
        "Sharded": lambda: opt.step(gradients),
        "Sharded, bfloat16": lambda: of_narrow.step(narrow),
        "Sharded, clipped": lambda: clipped.step(gradients),
    }
    return {
        "parameters": size,
        "share of state": share_of_state(opt),
        "ms": timed(comm, steps, rounds),
        "phases": timed(comm, phases(opt, gradients), rounds),
    }


def under_gloo(shapes: list[tuple[int, ...]], rounds: int) -> dict[str, Any]:
    import torch
    import torch.distributed as dist
    from torch.distributed.optim import ZeroRedundancyOptimizer

    dist.init_process_group("gloo")
    comm = as_communicator(dist.group.WORLD)
    size = sum(int(np.prod(shape)) for shape in shapes)
    params, gradient = np.zeros(size, np.float32), np.full(size, 1e-3, np.float32)
    opt = Sharded(op.AdamW, cut(params, shapes), dist.group.WORLD)
    torch.set_num_threads(opt.local.threads or 1)
    tensors = [torch.nn.Parameter(torch.zeros(shape)) for shape in shapes]
    flat = torch.full((size,), 1e-3)
    for tensor, grad in zip(tensors, cut(flat.numpy(), shapes), strict=True):
        tensor.grad = torch.from_numpy(grad)
    zero = {
        f"torch ZeRO{', fused' * fused}": ZeroRedundancyOptimizer(tensors, torch.optim.AdamW, lr=1e-3, fused=fused)
        for fused in (False, True)
    }

    def torchs(optimizer: Any) -> None:
        works = [dist.all_reduce(bucket, async_op=True) for bucket in flat.split(BUCKET // 4)]
        for work in works:
            work.wait()
        flat.mul_(1 / comm.size)
        optimizer.step()

    gradients = cut(gradient, shapes)
    steps: dict[str, Callable[[], object]] = {
        name: (lambda optimizer=optimizer: torchs(optimizer)) for name, optimizer in zero.items()
    }
    steps["Sharded"] = lambda: opt.step(gradients)
    return {
        "parameters": size,
        "share of state": share_of_state(opt),
        "ms": timed(comm, steps, rounds),
        "phases": timed(comm, phases(opt, gradients), rounds),
    }


def modelled(parameters: float, ranks: int, bandwidth: float, alone_ms: float, grad_bytes: int) -> float:
    """Milliseconds of a step: an equal share of the work, and what each process sends at once with what it receives.

    Args:
        bandwidth: of one process, in bytes per second and direction.
        alone_ms: of the step of one process with all parameters.
    """
    sent = parameters * (ranks - 1) / ranks * (grad_bytes + 4)
    return alone_ms / ranks + 1e3 * sent / bandwidth + 2 * (ranks - 1) * LATENCY_MS


def print_model(parameters: float, alone_ms: float) -> None:
    """For machines that are joined by 10 and by 100 gigabits per second, one process on each."""
    print(f"modelled: ms per step of {parameters:,.0f} parameters, {alone_ms:g} ms on one machine")
    print("   ranks    10 Gb/s  with bfloat16 gradients    100 Gb/s  with bfloat16 gradients")
    for ranks in (1, 2, 4, 8, 16, 64, 256, 1024):
        row = [modelled(parameters, ranks, speed, alone_ms, size) for speed in (1.25e9, 12.5e9) for size in (4, 2)]
        print(f"{ranks:8} {row[0]:10.0f} {row[1]:24.0f} {row[2]:11.0f} {row[3]:24.0f}")


def launched(kind: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """What rank 0 found."""
    passed = {name: str(getattr(arguments, name)) for name in ("blocks", "rounds", "bucket")}
    own = [word for name, value in passed.items() for word in (f"--{name}", value)]
    command = [sys.executable, __file__, "--worker", kind, *own]
    if kind == "mpi":
        mpiexec = os.path.join(os.path.dirname(sys.executable), "mpiexec")
        return json.loads(subprocess.check_output([mpiexec, "-n", str(arguments.ranks), *command]))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    where = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": str(arguments.ranks)}
    ranks = [
        subprocess.Popen(command, env=os.environ | where | {"RANK": str(rank)}, stdout=subprocess.PIPE)
        for rank in range(arguments.ranks)
    ]
    outs = [process.communicate()[0] for process in ranks]
    return json.loads(outs[0])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--blocks", type=int, default=0, help="of GPT-2; 0 is all of it")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--bucket", type=float, default=buckets.ELEMENTS, help="elements of all processes together")
    parser.add_argument("--without-torch", action="store_true")
    parser.add_argument("--model", nargs=2, type=float, metavar=("N", "MS"), help="only the model, of N parameters")
    parser.add_argument("--without-mpi", action="store_true")
    parser.add_argument("--worker", choices=("mpi", "gloo"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        buckets.ELEMENTS = int(arguments.bucket)
        run = under_mpi if arguments.worker == "mpi" else under_gloo
        found = run(shapes_of(arguments.blocks), arguments.rounds)
        if as_rank() == 0:
            print(json.dumps(found))
        return 0
    if arguments.model:
        print_model(*arguments.model)
        return 0
    failed = False
    without = {"mpi": arguments.without_mpi, "gloo": arguments.without_torch}
    for kind in (kind for kind, left_out in without.items() if not left_out):
        found = launched(kind, arguments)
        print(f"{kind}, {arguments.ranks} processes, {found['parameters']:,} parameters, AdamW")
        print(f"  this process's share of the state: {100 * found['share of state']:.2f} %")
        for name, times in (found["ms"] | found["phases"]).items():
            print(f"  {name:<24} {min(times):8.1f} ms at best, {median(times):8.1f} median")
        ours = min(found["ms"]["Sharded"])
        for name, times in found["ms"].items():
            if name.startswith("Sharded"):
                continue
            bar = BY_HAND.get(arguments.ranks, 0) if name == "by hand" else TORCH.get(name, 0)
            ratio = min(times) / ours
            failed |= ratio < bar
            print(f"  {name} takes {ratio:.2f} times as long as Sharded" + f" (bar {bar:.2f})" * bool(bar))
    return int(failed)


def as_rank() -> int:
    """This process's, under either launcher."""
    return int(os.environ.get("PMI_RANK", os.environ.get("RANK", "0")))


if __name__ == "__main__":
    sys.exit(main())
