"""Does the reader of IDX files take what is whole, and nothing else?"""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import numpy as np
import pytest
from idx_files import idx_bytes, write_idx

from onepass.lab.data.idx import BadIDXFile, read_idx

IMAGES = np.arange(24).reshape(2, 3, 4)


@pytest.mark.parametrize("name", ["images", "images.gz"])
@pytest.mark.parametrize("array", [IMAGES, np.arange(5), np.zeros((0, 3))])
def test_what_was_written_is_read(name: str, array: np.ndarray, tmp_path: Path) -> None:
    write_idx(tmp_path / name, array)
    read = read_idx(tmp_path / name, array.ndim)
    assert read.dtype == np.uint8
    assert np.array_equal(read, array)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "starts with 00 00 08 03, not "),
        (b"\0\0\x08", "starts with 00 00 08 03, not 00 00 08"),
        (idx_bytes(np.arange(5)), "starts with 00 00 08 03, not 00 00 08 01"),
        (b"\0\0\x0d\3" + idx_bytes(IMAGES)[4:], "starts with 00 00 08 03, not 00 00 0d 03"),
        (gzip.compress(idx_bytes(IMAGES), mtime=0), "starts with 00 00 08 03, not 1f 8b 08 00"),
        (idx_bytes(IMAGES)[:15], "ends within its header, after 15 of 16 bytes"),
        (idx_bytes(IMAGES)[:-1], "holds 23 bytes of data, its header says 2 x 3 x 4"),
        (idx_bytes(IMAGES) + b"\0", "holds 25 bytes of data, its header says 2 x 3 x 4"),
        (
            b"\0\0\x08\3" + b"\xff" * 12,  # a size that nobody could allocate
            "holds 0 bytes of data, its header says 4294967295 x 4294967295 x 4294967295",
        ),
    ],
)
@pytest.mark.parametrize("name", ["images", "images.gz"])
def test_a_bad_file_is_named(name: str, content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    with pytest.raises(BadIDXFile, match=f"^{re.escape(f'{path}: ')}.*{re.escape(message)}$"):
        read_idx(path, 3)


@pytest.mark.parametrize("damage", ["not gzip", "truncated", "changed"])
def test_a_bad_gzip_file_is_named(damage: str, tmp_path: Path) -> None:
    path, content = tmp_path / "images.gz", gzip.compress(idx_bytes(IMAGES))
    middle = len(content) // 2
    damaged = {
        "not gzip": idx_bytes(IMAGES),
        "truncated": content[:-9],
        "changed": content[:middle] + bytes((content[middle] ^ 0xFF,)) + content[middle + 1 :],
    }
    path.write_bytes(damaged[damage])
    with pytest.raises(BadIDXFile, match=re.escape(f"{path}: not a whole gzip file: ")):
        read_idx(path, 3)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="images"):
        read_idx(tmp_path / "images", 3)
