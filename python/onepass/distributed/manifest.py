"""Which files make a checkpoint, and where in them is each tensor? Told by a file that is written behind all others."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from onepass.checkpoint.header import digits
from onepass.checkpoint.loading import File, check_content
from onepass.checkpoint.replacing import replacing, write_all
from onepass.checkpoint.tree import parse
from onepass.checks import require_keys

NAME = "manifest.json"
_BLANK = b'{"checksum":"00000000",'
_DIGITS = slice(13, 21)


@dataclass(frozen=True)
class Piece:
    """What a file has of a tensor: elements from `begin` to `end`, in the order in which they lie in memory."""

    file: int
    begin: int
    end: int


@dataclass(frozen=True)
class Manifest:
    """What a checkpoint has.

    Attributes:
        token: by which files of other saves are told apart.
        files: of each its size and the CRC-32 of its header, which has those of its tensors.
        shapes: of each parameter its shape, and in which order it lies in memory.
        tensors: the pieces of each, by name, from the first element to the last.
        content: all that is no tensor, as a file of `onepass.save` has it.
    """

    token: str
    files: Sequence[tuple[int, str]]
    shapes: Mapping[str, Sequence[Any]]
    tensors: Mapping[str, Sequence[Piece]]
    content: Mapping[str, Any]

    def write(self, folder: str) -> None:
        """It replaces the one that is there at once."""
        pieces = {name: [[one.file, one.begin, one.end] for one in of] for name, of in self.tensors.items()}
        entries = {"token": self.token, "files": self.files, "shapes": self.shapes, "tensors": pieces}
        entries["content"] = self.content
        blank = _BLANK + json.dumps(entries, separators=(",", ":")).encode()[1:]
        with replacing(os.path.join(folder, NAME)) as descriptor:
            write_all(descriptor, blank[: _DIGITS.start] + digits(zlib.crc32(blank)).encode() + blank[_DIGITS.stop :])

    @classmethod
    def read(cls, folder: str) -> Manifest:
        """The one in a folder.

        Raises:
            FileNotFoundError: there is none, and so no checkpoint.
            ValueError: it is damaged.
        """
        try:
            with open(os.path.join(folder, NAME), "rb") as file:
                data = file.read()
        except FileNotFoundError:
            raise FileNotFoundError(f"there is no {NAME}, and so no whole checkpoint") from None
        blank = data[: _DIGITS.start] + b"0" * (_DIGITS.stop - _DIGITS.start) + data[_DIGITS.stop :]
        if not blank.startswith(_BLANK) or digits(zlib.crc32(blank)).encode() != data[_DIGITS]:
            raise ValueError(f"{NAME} is damaged: it does not have its checksum")
        entries = parse(data, NAME)
        require_keys(NAME, entries, {"checksum", "token", "files", "shapes", "tensors", "content"})
        check_content(entries["content"])
        tensors = {name: [Piece(*one) for one in of] for name, of in entries["tensors"].items()}
        files = [(size, crc) for size, crc in entries["files"]]
        return cls(entries["token"], files, entries["shapes"], tensors, entries["content"])

    def file_name(self, rank: int) -> str:
        return shard_name(self.token, rank, len(self.files))

    def require_own(self, rank: int, file: File) -> None:
        """Raise ValueError unless this is the file that was written with the manifest."""
        if (file.size, digits(zlib.crc32(file.start))) != tuple(self.files[rank]):
            raise ValueError("it is not the file that was saved with the manifest, or it is cut off")


def shard_name(token: str, rank: int, ranks: int) -> str:
    return f"shard-{token}-{rank:05}-of-{ranks:05}.safetensors"
