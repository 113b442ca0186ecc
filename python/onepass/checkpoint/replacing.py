"""How is a file replaced so that there is a whole one at every instant? Written beside it, synced, renamed over it."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress

PathLike = str | os.PathLike[str]


@contextmanager
def replacing(path: PathLike) -> Iterator[int]:
    """A descriptor to write a new file to. Where the block ends well, it is the file at this path, and on the disk.

    The file keeps the mode of the one that it replaces; a link stays, and what it leads to is replaced. A process that
    is killed may leave ``.onepass-<digits>.tmp`` in the folder.

    Raises:
        OSError: with the path; the file there is then as it was, and there is no other.
        ValueError: at the path is something that is no file.
    """
    given, target = os.fspath(path), os.path.realpath(path)
    folder = os.path.dirname(target)
    temporary = os.path.join(folder, f".onepass-{os.urandom(8).hex()}.tmp")
    try:
        mode = _mode_of(target)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)  # Windows adds bytes otherwise
        descriptor = os.open(temporary, flags, 0o666 if mode is None else 0o600)
        try:
            try:
                if mode is not None:
                    os.chmod(temporary, mode)
                yield descriptor
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            os.replace(temporary, target)
        except BaseException:
            _remove(temporary)
            raise
        _sync_folder(folder)
    except OSError as error:
        raise OSError(error.errno, f"save: {os.strerror(error.errno or errno.EIO)}", given) from None


def write_all(descriptor: int, data: bytes | memoryview) -> None:
    """All of it, however much is taken at a time."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _mode_of(target: str) -> int | None:
    """The mode of the file that is there; None if there is none."""
    try:
        found = os.stat(target)
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, "")
    if not stat.S_ISREG(found.st_mode):
        raise ValueError(f"save: {target!r} is no regular file; give another path")
    return stat.S_IMODE(found.st_mode)


def _remove(temporary: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(temporary)


def _sync_folder(folder: str) -> None:
    if not hasattr(os, "O_DIRECTORY"):
        return  # Windows opens no folder
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
