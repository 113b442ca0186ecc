"""What does a safetensors file say of itself? Its header: tensors with their places, a text, checksums of all bytes.

Eight bytes hold the length of the header, which is JSON; the tensors follow without gaps. The header's metadata has an
entry ``checksums``: the CRC-32 of every tensor in the order in which they lie, and last that of all that is before
them, with the digit zero in the place of all of the checksums. Each has eight hexadecimal digits.
"""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from onepass.arrays import Array
from onepass.checkpoint.tree import parse
from onepass.formats import named_dtype

#: The longest header that the format has.
MAX_HEADER = 100_000_000
#: Dimensions that NumPy has at most.
MAX_DIMENSIONS = 64
#: What the format calls dtypes.
DTYPES = {
    "float64": "F64",
    "float32": "F32",
    "float16": "F16",
    "bfloat16": "BF16",
    "int64": "I64",
    "int32": "I32",
    "int16": "I16",
    "int8": "I8",
    "uint64": "U64",
    "uint32": "U32",
    "uint16": "U16",
    "uint8": "U8",
    "bool": "BOOL",
}
_NAMES = {code: name for name, code in DTYPES.items()}
_LENGTH, _DIGITS = 8, 8
_BEFORE_CHECKSUMS = b'"checksums":"'


class Place(NamedTuple):
    """Where a tensor lies, and what it is.

    Attributes:
        begin, end: bytes behind the header.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


@dataclass(frozen=True)
class Header:
    """What a file says of itself.

    Attributes:
        size: of length and header together: where the tensors begin.
        text: what was to be kept beside the tensors.
        places: the tensors, in the order in which they lie.
        checksums: of the tensors.
    """

    size: int
    text: str
    places: Sequence[Place]
    checksums: Sequence[str]


def laid(arrays: Mapping[str, Array]) -> list[Place]:
    """A place for each array; those with the largest elements first, so that all are aligned.

    Raises:
        TypeError: a dtype that the format does not have.
        ValueError: a name that is no Unicode.
    """
    places: list[Place] = []
    end = 0
    for name, array in sorted(arrays.items(), key=lambda item: -item[1].dtype.itemsize):
        dtype = _code(array.dtype)
        if dtype is None:
            raise TypeError(f"{name!r} must be of {', '.join(DTYPES)}, got {array.dtype}")
        try:
            name.encode()
        except UnicodeEncodeError:
            raise ValueError(f"the name {name!r} is no Unicode; give the parameter another") from None
        begin, end = end, end + array.nbytes
        places.append(Place(name, dtype, array.shape, begin, end))
    return places


def blank_header(text: str, places: Sequence[Place]) -> bytes:
    """The beginning of a file, with zeros in the place of the checksums.

    Raises:
        ValueError: it would be longer than the format has it.
    """
    entries: dict[str, Any] = {"__metadata__": {"onepass": text, "checksums": "0" * (_DIGITS * (len(places) + 1))}}
    for place in places:
        entries[place.name] = {"dtype": place.dtype, "shape": place.shape, "data_offsets": (place.begin, place.end)}
    header = json.dumps(entries, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    blank = len(header).to_bytes(_LENGTH, "little") + header
    if len(blank) - _LENGTH > MAX_HEADER:
        raise ValueError(
            f"what must be kept beside the arrays takes {len(blank)} bytes, the format has {MAX_HEADER} at most; join "
            "parameters to fewer arrays"
        )
    return blank


def sealed_header(blank: bytes, checksums: Iterable[str]) -> bytes:
    """The same with the checksums of the tensors and its own."""
    start, end = _span(blank)
    return blank[:start] + "".join((*checksums, digits(zlib.crc32(blank)))).encode() + blank[end:]


def read_header(data: bytes, behind: int) -> Header:
    """What a file's beginning says, if it has its checksum and fits what lies behind it.

    Args:
        data: length and header.
        behind: bytes that follow in the file.

    Raises:
        ValueError: saying what is wrong.
    """
    start, end = _span(data)
    checksums = data[start:end].decode("latin-1")
    if digits(zlib.crc32(data[:start] + b"0" * (end - start) + data[end:])) != checksums[-_DIGITS:]:
        raise ValueError("its header is damaged: it does not have its checksum")
    header = parse(data[_LENGTH:], "its header")
    metadata = header.pop("__metadata__", None) if isinstance(header, dict) else None
    text = metadata.get("onepass") if isinstance(metadata, dict) else None
    if not isinstance(text, str):
        raise ValueError("it was not written by onepass.save: its header has no entry 'onepass'")
    places = sorted((_place(name, entry) for name, entry in header.items()), key=lambda place: (place.begin, place.end))
    ends = [0, *(place.end for place in places)]
    for place, before in zip(places, ends, strict=False):
        if place.begin != before:
            raise ValueError(f"tensor {place.name!r} begins at byte {place.begin}, the one before it ends at {before}")
    if ends[-1] != behind:
        raise ValueError(f"its tensors take {ends[-1]} bytes, and the file has {behind} for them")
    each = [checksums[at : at + _DIGITS] for at in range(0, len(checksums) - _DIGITS, _DIGITS)]
    if len(each) != len(places):
        raise ValueError(f"it has {len(places)} tensors, and checksums for {len(each)}")
    return Header(len(data), text, places, each)


def header_size(length: bytes, size: int) -> int:
    """How long the header of a file is, behind its length.

    Args:
        length: the first bytes of the file.
        size: of the file.

    Raises:
        ValueError: it cannot be.
    """
    if len(length) < _LENGTH:
        raise ValueError(f"it has {size} bytes, too few for a safetensors file")
    header = int.from_bytes(length, "little")
    if header > min(MAX_HEADER, size - _LENGTH):
        raise ValueError(f"it is no safetensors file, or is cut off: {size} bytes, of which the header takes {header}")
    return header


def digits(crc: int) -> str:
    """A checksum as it is written."""
    return f"{crc:0{_DIGITS}x}"


def dtype_of(place: Place) -> np.dtype[Any]:
    """In which the bytes of a file are read: little-endian everywhere."""
    dtype = named_dtype("load", _NAMES[place.dtype])
    little = dtype.newbyteorder("<")
    return dtype if little.isnative else little


@cache
def _code(dtype: np.dtype[Any]) -> str | None:
    """What the format calls it, in whichever byte order; NumPy takes long to tell a name."""
    return DTYPES.get(dtype.name)


def _span(data: bytes) -> tuple[int, int]:
    """Where the checksums are. No other text has these bytes: JSON escapes quotes within strings."""
    start = data.find(_BEFORE_CHECKSUMS) + len(_BEFORE_CHECKSUMS)
    end = data.find(b'"', start)
    if start < len(_BEFORE_CHECKSUMS) or end < start + _DIGITS or (end - start) % _DIGITS:
        raise ValueError("it was not written by onepass.save, or is damaged: its header has no checksums")
    return start, end


def _place(name: str, entry: Any) -> Place:
    if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
        raise ValueError(f"tensor {name!r} must have dtype, shape and data_offsets, and nothing else")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in _NAMES:
        raise ValueError(f"tensor {name!r} has the unknown dtype {dtype!r}")
    if not _are_sizes(shape) or len(shape) > MAX_DIMENSIONS:
        raise ValueError(f"tensor {name!r} has no shape that there can be")
    if not _are_sizes(offsets) or len(offsets) != 2:
        raise ValueError(f"tensor {name!r} has no data_offsets that there can be")
    begin, end = offsets
    itemsize = 2 if dtype == "BF16" else np.dtype(_NAMES[dtype]).itemsize
    if end - begin != math.prod(shape) * itemsize:
        raise ValueError(f"tensor {name!r} has {end - begin} bytes, its shape {tuple(shape)} takes others")
    return Place(name, dtype, tuple(shape), begin, end)


def _are_sizes(value: Any) -> bool:
    are_ints = isinstance(value, list) and {*map(type, value)} <= {int}
    return are_ints and (not value or 0 <= min(value) <= max(value) < 2**63)
