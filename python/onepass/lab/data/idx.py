"""What does an IDX file hold? Bytes in an array, if every one of them is where the format wants it."""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np

from onepass.arrays import Array


class BadIDXFile(OSError):
    """A file that is not what its name says; as `gzip.BadGzipFile`, an OSError that names the file."""


def read_idx(path: Path, dimensions: int) -> Array:
    """The unsigned bytes of an IDX file, gunzipped where the name ends in ``.gz``; the array is read-only.

    Args:
        dimensions: how many the array must have.

    Raises:
        BadIDXFile: the magic number, the size or the compression is wrong.
        OSError: the file cannot be read.

    Reference:
        LeCun, Cortes and Burges, The MNIST database of handwritten digits, section "File formats".
    """
    content = _gunzipped(path) if path.suffix == ".gz" else path.read_bytes()
    magic = bytes((0, 0, 0x08, dimensions))  # 0x08: unsigned bytes
    if content[:4] != magic:
        raise BadIDXFile(f"{path}: an IDX file of this kind starts with {magic.hex(' ')}, not {content[:4].hex(' ')}")
    header = 4 + 4 * dimensions
    if len(content) < header:
        raise BadIDXFile(f"{path}: ends within its header, after {len(content)} of {header} bytes")
    shape = struct.unpack(f">{dimensions}I", content[4:header])
    if len(content) - header != math.prod(shape):
        sizes = " x ".join(map(str, shape))
        raise BadIDXFile(f"{path}: holds {len(content) - header} bytes of data, its header says {sizes}")
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)


def _gunzipped(path: Path) -> bytes:
    try:
        with gzip.open(path) as file:
            return file.read()
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise BadIDXFile(f"{path}: not a whole gzip file: {error}") from error
