"""How does an optimizer become a file? Arrays as tensors, named as the parameters; all else as a text."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict
from itertools import count
from typing import Any, Protocol, runtime_checkable

import numpy as np

from onepass import _core
from onepass.arrays import Array
from onepass.checkpoint.header import blank_header, digits, laid, sealed_header
from onepass.checkpoint.replacing import PathLike, replacing, write_all
from onepass.checkpoint.tree import Path, encode

FORMAT = 1
#: Bytes that are copied, summed and written at a time, in the cache.
PIECE = 2**20


@runtime_checkable
class Kept(Protocol):
    """What can be saved and loaded: an optimizer."""

    def resting(self, method: str, *, params: bool) -> AbstractContextManager[dict[str, Any]]:
        """Its `state_dict` with the live arrays; nobody steps meanwhile."""

    @property
    def load_state_dict(self) -> Callable[..., None]:
        """Takes a `state_dict`, and whether with schedules and with parameters; all or nothing."""


def require_kept(owner: str, opt: Any) -> None:
    """Raise TypeError, naming it, unless this is an optimizer."""
    if not isinstance(opt, Kept):
        raise TypeError(f"{owner}: opt must be an optimizer of onepass, behind the path, got {type(opt).__name__}")


def save(path: PathLike, opt: Kept, *, extra: Any = None, params: bool = True) -> None:
    """Write all that an optimizer holds to a safetensors file, which replaces the one at this path at once.

    Tensors are named by the parameters' names, else by their positions: ``params.w``, ``ema.w``, ``state.w.exp_avg``.
    A step of another thread waits until the arrays are written. No array is copied as a whole.

    Args:
        path: of the file; a link stays, and what it leads to is replaced.
        opt: the optimizer.
        extra: what belongs to it, for `load` to return: None, bools, numbers, strings, arrays, and lists, tuples and
            dicts of these.
        params: the parameters, too.

    Raises:
        TypeError, ValueError: naming what cannot be kept.
        OSError: with the path. After any error the file there is as it was.
        RuntimeError: the optimizer is in a step that calls this.

    Example:
        >>> import numpy as np, onepass as op, os, tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> path = os.path.join(folder.name, "run.safetensors")
        >>> op.save(path, op.AdamW({"w": np.ones(3)}), extra={"epoch": 7})
        >>> opt = op.AdamW({"w": np.zeros(3)})
        >>> op.load(path, opt), opt.params
        ({'epoch': 7}, [array([1., 1., 1.])])
        >>> folder.cleanup()
    """
    require_kept("save", opt)
    with replacing(path) as descriptor, opt.resting("save", params=params) as state:
        try:
            write_tensors(descriptor, *content(state, getattr(opt, "options", None), extra))
        except RecursionError:
            raise ValueError("save: extra is nested too deeply, or holds itself") from None
        except (TypeError, ValueError) as error:
            kind = TypeError if isinstance(error, TypeError) else ValueError
            raise kind(f"save: {error}") from None


def content(state: Mapping[str, Any], options: Any, extra: Any) -> tuple[str, dict[str, Array]]:
    """What is written: a text and arrays by name."""
    labels = _labels(state["param_groups"])
    named = {
        **state,
        "state": {labels.get(key, key): value for key, value in state["state"].items()},
        "param_groups": [{**group, "params": [labels[i] for i in group["params"]]} for group in state["param_groups"]],
    }
    arrays: dict[str, Array] = {}
    extras = count()
    kept = {
        "format": FORMAT,
        "onepass": _core.version,
        "options": encode({} if options is None else asdict(options), arrays, lambda _: "", ("options",)),
        "state_dict": encode(named, arrays, lambda path: _tensor_name(path, labels)),
        "extra": encode(extra, arrays, lambda _: f"extra.{next(extras)}", ("extra",)),
    }
    return json.dumps(kept, separators=(",", ":")), arrays


def _labels(groups: Sequence[Mapping[str, Any]]) -> dict[Any, str]:
    """What the parameter of each number is called: its name, or its number where some have no name."""
    numbers = [number for group in groups for number in group["params"]]
    names = [name for group in groups for name in group.get("names", ())]
    return dict(zip(numbers, names if len(names) == len(numbers) else map(str, numbers), strict=True))


def _tensor_name(path: Path, labels: Mapping[Any, str]) -> str:
    match path:
        case ("state", "param", int(number)):  # of an optimizer that keeps one state for all
            return f"params.{labels[number]}"
        case ("state", label, "param"):
            return f"params.{label}"
        case ("state", label, "ema"):
            return f"ema.{label}"
    return ".".join(map(str, path))


def write_tensors(descriptor: int, text: str, arrays: Mapping[str, Array]) -> bytes:
    """Write a file, the header last, which is returned: what is not complete is no safetensors file."""
    places = laid(arrays)
    blank = blank_header(text, places)
    os.lseek(descriptor, len(blank), os.SEEK_SET)
    checksums = [_written(descriptor, arrays[place.name]) for place in places]
    os.lseek(descriptor, 0, os.SEEK_SET)
    header = sealed_header(blank, checksums)
    write_all(descriptor, header)
    return header


def _written(descriptor: int, array: Array) -> str:
    """Write an array, and return the checksum of the very bytes that were written."""
    crc = 0
    for piece in _pieces(array):
        crc = zlib.crc32(piece, crc)
        write_all(descriptor, piece)
    return digits(crc)


def _pieces(array: Array) -> Iterator[bytes]:
    """The elements in C order, little-endian, whatever the array has, without a copy of the whole."""
    size = array.itemsize
    words = array.view(np.dtype(f"u{size}").newbyteorder(array.dtype.byteorder))
    flags: Any = ["buffered", "external_loop", "zerosize_ok"]
    pieces: Any = np.nditer(words, flags, order="C", op_dtypes=[f"<u{size}"], casting="equiv", buffersize=PIECE // size)
    for piece in pieces:
        yield piece.tobytes()
