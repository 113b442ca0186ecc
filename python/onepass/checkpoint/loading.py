"""How does a file become an optimizer's state again? Read as a whole, checked as a whole, then copied."""

from __future__ import annotations

import os
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from onepass.arrays import Array
from onepass.checkpoint.header import Header, Place, digits, dtype_of, header_size, read_header
from onepass.checkpoint.replacing import PathLike
from onepass.checkpoint.saving import FORMAT, PIECE, Kept, require_kept
from onepass.checkpoint.tree import decode, parse
from onepass.checks import require_keys


def load(path: PathLike, opt: Kept, *, schedules: bool = True, params: bool = True) -> Any:
    """Take over what `save` has written, and the parameters with it, which are updated in place.

    Parameters are matched by name where all have names on both sides, also over groups that are cut otherwise, else by
    position. Nothing in the file is executed. At most the file's size in memory is taken while it is read.

    Args:
        path: of the file.
        opt: an optimizer of the class and with the options that was saved.
        schedules: take over where the schedules stand, too: those attached must be the ones saved.
        params: take over the parameters, too, which must have been saved along.

    Returns:
        The `extra` that was saved.

    Raises:
        OSError: the file cannot be read.
        TypeError, ValueError: it is damaged, or does not fit: the message has the path, the tensor or entry, and why.
            After any error optimizer and parameters are as they were.

    Example:
        See `save`.
    """
    require_kept("load", opt)
    where = f"load: {os.fspath(path)!r}"
    try:
        text, arrays = _read(path)
        content = parse(text, "its metadata")
        check_content(content)
        state, extra = decode(content["state_dict"], arrays), decode(content["extra"], arrays)
        arrays.clear()
        opt.load_state_dict(state, params=params, **({} if schedules else {"schedules": False}))
    except RecursionError:
        raise ValueError(f"{where}: its metadata is nested too deeply") from None
    except (TypeError, ValueError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{where}: {error}") from None
    return extra


def check_content(content: Any) -> None:
    """Raise ValueError unless this is what `saving.content` has written, in a format that is known."""
    found = content.get("format") if isinstance(content, dict) else None
    if type(found) is not int or found < 1:
        raise ValueError(f"its metadata has the format {found!r}")
    if found > FORMAT:
        raise ValueError(f"it has format {found}, this onepass reads up to {FORMAT}; install a later one")
    require_keys("its metadata", content, {"format", "onepass", "options", "state_dict", "extra"})


def _read(path: PathLike) -> tuple[str, dict[str, Array]]:
    """The text of a file and its tensors by name. Each byte is read once, so that what is checked is what is taken."""
    with opened(path) as file:
        return file.header.text, {place.name: file.tensor(number) for number, place in enumerate(file.header.places)}


class File:
    """A file that is open, and whose header is read.

    Attributes:
        size: in bytes.
        start: length and header, as they were read.
    """

    def __init__(self, descriptor: int) -> None:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise ValueError("it is no regular file")
        self._descriptor, self.size = descriptor, found.st_size
        length = os.pread(descriptor, 8, 0)
        data = bytearray(len(length) + header_size(length, self.size))
        _fill(descriptor, memoryview(data), 0)
        self.start = bytes(data)
        self.header: Header = read_header(self.start, self.size - len(data))

    def tensor(self, number: int) -> Array:
        """One of the header's places, read and checked as a whole.

        Raises:
            ValueError: it does not have its checksum.
        """
        place, checksum = self.header.places[number], self.header.checksums[number]
        memory = np.empty(place.end - place.begin, np.uint8)
        if digits(_fill(self._descriptor, memory.data, self.header.size + place.begin)) != checksum:
            raise ValueError(f"tensor {place.name!r} is damaged: its bytes do not have their checksum")
        return _shaped(memory, place)


@contextmanager
def opened(path: PathLike) -> Iterator[File]:
    """A file of tensors, of which they may be read one by one.

    Raises:
        OSError, ValueError: saying what is wrong with it.
    """
    # So that opening a pipe does not wait for who writes to it.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        yield File(descriptor)
    finally:
        os.close(descriptor)


def _fill(descriptor: int, memory: memoryview, start: int) -> int:
    """Read as many bytes as the memory has, from there on, and return their checksum.

    Raises:
        ValueError: there are not so many any more.
    """
    crc = 0
    while memory:
        count = os.preadv(descriptor, [memory[:PIECE]], start)
        if not count:
            raise ValueError("it has become shorter while it was read")
        crc = zlib.crc32(memory[:count], crc)
        start, memory = start + count, memory[count:]
    return crc


def _shaped(memory: Array, place: Place) -> Array:
    shaped: Array = memory.view(dtype_of(place)).reshape(place.shape)
    return shaped
