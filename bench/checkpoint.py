"""How long does it take to save and to load a gigabyte, beside the safetensors package, which checks no bytes?

python bench/checkpoint.py                 in the folder for temporary files; all in turn, round after round: medians
python bench/checkpoint.py --folder /data --bytes 4e9
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import safetensors.numpy

import onepass as op

#: How many times as long onepass may take.
SAVE_BAR, LOAD_BAR = 1.3, 1.6
TENSORS = 8


def adamw(size: int) -> op.AdamW:
    """Parameters and two moments, of so many bytes together."""
    rng = np.random.default_rng(0)
    params = {f"w{i}": rng.standard_normal(size // (12 * TENSORS), np.float32) for i in range(TENSORS)}
    optimizer = op.AdamW(params)
    optimizer.step({name: array * array for name, array in params.items()})
    return optimizer


def tensors_of(optimizer: op.AdamW) -> dict[str, np.ndarray]:
    """What `onepass.save` writes."""
    found = {f"params.{name}": array for name, array in optimizer.named("params").items()}
    for name, state in optimizer.named("state").items():
        found |= {f"state.{name}.{slot}": state[slot] for slot in ("exp_avg", "exp_avg_sq")}
    return found


def sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="where the files are written")
    parser.add_argument("--bytes", type=float, default=1e9, help="of parameters and state")
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    optimizer = adamw(int(arguments.bytes))
    tensors = tensors_of(optimizer)
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        ours, theirs = Path(folder, "ours.safetensors"), Path(folder, "theirs.safetensors")

        def save_file() -> None:
            safetensors.numpy.save_file(tensors, theirs)
            sync(theirs)

        calls: dict[str, Callable[[], object]] = {
            "onepass.save": lambda: op.save(ours, optimizer),
            "save_file, fsync": save_file,
            "onepass.load": lambda: op.load(ours, optimizer),
            "load_file(pread)": lambda: safetensors.numpy.load_file(theirs, backend="pread"),
        }
        rounds = [{name: seconds(call) for name, call in calls.items()} for _ in range(arguments.rounds)]
        size = ours.stat().st_size
    middle = {name: median(times[name] for times in rounds) for name in calls}
    print(f"{size / 1e9:.2f} GB, {arguments.rounds} rounds")
    for name, time_ in middle.items():
        print(f"{name:<20}{time_:>8.2f} s{size / time_ / 1e9:>8.2f} GB/s")
    met = True
    for own, other, bar in (
        ("onepass.save", "save_file, fsync", SAVE_BAR),
        ("onepass.load", "load_file(pread)", LOAD_BAR),
    ):
        ratio = median(times[own] / times[other] for times in rounds)
        met &= ratio <= bar
        print(f"{own} / {other}: {ratio:.2f}, at most {bar}: {'met' if ratio <= bar else 'NOT MET'}")
    return 0 if met else 1


if __name__ == "__main__":
    raise SystemExit(main())
