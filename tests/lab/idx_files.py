"""How is an IDX file made? Arrays of bytes to files, as MNIST comes."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np

from onepass.arrays import Array


def idx_bytes(array: Array) -> bytes:
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.astype(np.uint8).tobytes()


def write_idx(path: Path, array: Array) -> None:
    content = idx_bytes(array)
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


def write_small_mnist(folder: Path, suffix: str = "", train: int = 200, test: int = 50, side: int = 8) -> None:
    """The four files, with as many images of side x side pixels, in which the label can be seen."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(7)
    for part, count in (("train", train), ("t10k", test)):
        labels = np.arange(count) % 10
        images = rng.integers(0, 100, (count, side * side))
        images[np.arange(count), labels] = 255
        write_idx(folder / f"{part}-images-idx3-ubyte{suffix}", images.reshape(count, side, side))
        write_idx(folder / f"{part}-labels-idx1-ubyte{suffix}", labels)
