"""What do tests of checkpoints share? An optimizer of every kind of content, and files with checksums that hold."""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from cases import spread

import onepass as op


def optimizer_with_everything(seed: int = 0, steps: int = 3, **more: Any) -> op.Optimizer:
    """Two named groups, codes, scales, averages, a sum under way, schedules; as small as that can be."""
    rng = np.random.default_rng(seed)
    shapes = {"w": (16, 257), "β/../x": (3,)}
    params = {name: spread(rng, shape, np.float32) for name, shape in shapes.items()}
    options: dict[str, Any] = {"state_dtype": "float8", "ema": True, "mirror": "float16", "accumulate": 2} | more
    groups = [{"params": {name: param}, "lr": 0.1 + i} for i, (name, param) in enumerate(params.items())]
    opt = op.NAdam(groups, **options)
    op.schedules.ReduceLROnPlateau().attach(opt, group=0)
    for _ in range(steps):
        opt.step({name: spread(rng, shape, np.float32) for name, shape in shapes.items()})
    return opt


def small_optimizer(seed: int = 0, **more: Any) -> op.Optimizer:
    """Of which a file takes about a kilobyte."""
    opt = op.Momentum({"w": np.arange(1.0 + seed, 4.0 + seed)}, lr=0.5, **more)
    opt.step({"w": np.ones(3)})
    return opt


def sealed(header: bytes, data: bytes = b"", tensors: tuple[bytes, ...] = ()) -> bytes:
    """A file of a header that ends its checksums with ``@``, in the place of which those that hold are put.

    Args:
        data: what follows the header.
        tensors: whose checksums are written.
    """
    digits = 8 * (len(tensors) + 1)
    header = header.replace(b"@", b"0" * digits)
    header += b" " * (-len(header) % 8)
    before = len(header).to_bytes(8, "little") + header
    found = b"".join(b"%08x" % zlib.crc32(part) for part in (*tensors, before))
    start = before.find(b'"checksums":"') + len(b'"checksums":"')
    return before[:start] + found + before[start + digits :] + data


def header_with(tensors: Any, text: str = "{}") -> bytes:
    """For `sealed`."""
    return json.dumps({"__metadata__": {"onepass": text, "checksums": "@"}, **tensors}, separators=(",", ":")).encode()


def split(file: Path) -> tuple[dict[str, Any], bytes]:
    """Header and tensors of a file."""
    raw = file.read_bytes()
    end = 8 + int.from_bytes(raw[:8], "little")
    return json.loads(raw[8:end]), raw[end:]


def resealed(file: Path, header: dict[str, Any]) -> bytes:
    """The file with another header, in which checksums hold."""
    before, data = split(file)
    order = sorted((entry["data_offsets"] for name, entry in before.items() if name != "__metadata__"))
    header["__metadata__"]["checksums"] = "@"
    raw = json.dumps(header, separators=(",", ":")).encode()
    return sealed(raw, data, tuple(data[begin:end] for begin, end in order))
