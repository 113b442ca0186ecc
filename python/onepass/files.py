"""How does a command write a file? Whole or not at all; and which are there when somebody stops it?"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

#: What the commands of this process have written, in order.
written: list[Path] = []


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A path of the same ending to write to. Where the block ends well, it becomes this file; else nothing is left.

    Devices such as ``/dev/stdout``, and what else is no regular file, are written to as they are.

    Raises:
        OSError: with the path that was given.
    """
    if Path("/dev") in path.parents or (path.exists() and not path.is_file()):
        yield path
        return
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f".onepass-{os.urandom(8).hex()}{target.suffix}")
    try:
        yield temporary
        temporary.replace(target)
        written.append(path)
    except OSError as error:
        if error.filename != str(temporary):
            raise
        raise type(error)(error.errno, error.strerror, str(path)) from None
    finally:
        temporary.unlink(missing_ok=True)
