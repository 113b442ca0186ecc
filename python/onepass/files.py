"""How does a command write a file? Whole or not at all; and which are there when somebody stops it?"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from onepass.config import show_config

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


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write results, what they depend on and the machine's `onepass.show_config`; what is not finite becomes null."""
    content = {**content, "config": show_config()}
    with whole_file(path) as file:
        file.write_text(json.dumps(_finite(content), indent=1) + "\n", encoding="utf-8")


def make_folders(files: Iterable[Path | None]) -> None:
    """Make the folders of files to be written: one that cannot be is better known before the work than after."""
    for file in filter(None, files):
        file.parent.mkdir(parents=True, exist_ok=True)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
