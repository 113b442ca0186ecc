"""How does a run of many processes outlive them? Each writes what it owns, and any number of others reads it.

A folder holds one safetensors file of each process and the manifest, which is written last: what has no manifest is no
checkpoint, and the one before it is whole until then.
"""

from __future__ import annotations

import glob
import json
import os
import zlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import numpy as np

from onepass.arrays import Array
from onepass.checkpoint.header import digits
from onepass.checkpoint.loading import opened
from onepass.checkpoint.replacing import PathLike, replacing
from onepass.checkpoint.saving import content, write_tensors
from onepass.checkpoint.tree import decode
from onepass.distributed.manifest import Manifest, Piece, shard_name
from onepass.distributed.pieces import flat
from onepass.distributed.sharded import Sharded
from onepass.formats import BLOCK


def save(folder: PathLike, opt: Sharded, *, extra: Any = None) -> None:
    """Write all that an optimizer of many processes holds to a folder that all of them see; collective.

    Args:
        folder: is made if it is not there. A checkpoint in it stays whole until the new one is.
        opt: the optimizer.
        extra: what belongs to it, for `load` to return, as `onepass.save` takes it; that of rank 0 is kept.

    Raises:
        TypeError, ValueError, OSError: on the process that cannot write.
        RuntimeError: on the others. The checkpoint that was there is as it was.

    Example:
        >>> import numpy as np, onepass as op, tempfile
        >>> from onepass import distributed
        >>> folder = tempfile.TemporaryDirectory()
        >>> distributed.save(folder.name, distributed.Sharded(op.AdamW, {"w": np.ones(3)}), extra={"epoch": 7})
        >>> opt = distributed.Sharded(op.AdamW, {"w": np.zeros(3)})
        >>> distributed.load(folder.name, opt), opt.params
        ({'epoch': 7}, [array([1., 1., 1.])])
        >>> folder.cleanup()
    """
    folder = os.fspath(folder)
    comm, agreement = opt.comm, opt.agreement
    with opt.alone("save"):
        token = comm.gather(os.urandom(8).hex().encode())[0].decode()
        path = os.path.join(folder, shard_name(token, comm.rank, comm.size))
        try:
            with agreement.or_nobody():
                os.makedirs(folder, exist_ok=True)
                text, report = _write_shard(path, opt, extra)
            agreement.reach({})
        except BaseException:
            with suppress(OSError):
                os.unlink(path)
            raise
        reports = [json.loads(each) for each in comm.gather(json.dumps(report).encode())]
        # From here on rank 0 may have named the files; where the manifest fails, the next save removes them.
        with agreement.or_nobody():
            if comm.rank == 0:
                _manifest(opt, token, text, reports).write(folder)
        agreement.reach({})
        if comm.rank == 0:
            _remove_others(folder, token)


def _write_shard(path: str, opt: Sharded, extra: Any) -> tuple[str, dict[str, Any]]:
    """What is no tensor, and what rank 0 must know of the file."""
    rank = opt.comm.rank
    with replacing(path) as descriptor, opt.local.resting("save", params=True) as state:
        text, arrays = content(state, opt.local.options, extra if rank == 0 else None)
        starts = _starts(opt, json.loads(text)["state_dict"])
        kept = {name: flat(array) if name in starts else array for name, array in arrays.items()}
        kept = {name: array for name, array in kept.items() if name not in starts or array.size}
        header = write_tensors(descriptor, json.dumps({"rank": rank, "path": os.path.basename(path)}), kept)
        size = os.fstat(descriptor).st_size
    pieces = {name: [starts.get(name, 0), starts.get(name, 0) + array.size] for name, array in kept.items()}
    return text, {"file": [size, digits(zlib.crc32(header))], "pieces": pieces, "numbers": _own_numbers(opt, text)}


def _starts(opt: Sharded, state_dict: Mapping[str, Any]) -> dict[str, int]:
    """The index in the whole of the first element of each array that this process has a part of."""
    starts = {}
    for tensor, label in enumerate(_saved_labels(state_dict)):
        for key, entry in state_dict["state"][label].items():
            if isinstance(entry, dict) and "$array" in entry:
                unit = BLOCK if key.endswith("_scale") else 1
                starts[entry["$array"]] = opt.layout.parts[opt.comm.rank][tensor][0] // unit
    return starts


def _own_numbers(opt: Sharded, text: str) -> dict[str, dict[str, Any]]:
    """Those of the tensors that this process owns: a rule that sums over a tensor may keep some of the sums."""
    state_dict = json.loads(text)["state_dict"]
    return {
        label: {name: one for name, one in state_dict["state"][label].items() if not isinstance(one, dict)}
        for tensor, label in enumerate(_saved_labels(state_dict))
        if opt.layout.owner(tensor) == opt.comm.rank
    }


def _saved_labels(state_dict: Mapping[str, Any]) -> list[str]:
    """What the parameters are called in a checkpoint, in their order."""
    return [label for group in state_dict["param_groups"] for label in group["params"]]


def _manifest(opt: Sharded, token: str, text: str, reports: list[dict[str, Any]]) -> Manifest:
    kept = json.loads(text)
    labels = _saved_labels(kept["state_dict"])
    shapes = dict(zip(labels, map(_shape, opt.params), strict=True))
    tensors: dict[str, list[Piece]] = {}
    for rank, report in enumerate(reports):
        for name, (begin, end) in report["pieces"].items():
            tensors.setdefault(name, []).append(Piece(rank, begin, end))
        for label, numbers in report["numbers"].items():
            kept["state_dict"]["state"][label] |= numbers
    return Manifest(token, [tuple(report["file"]) for report in reports], shapes, tensors, kept)


def _shape(param: Array) -> list[Any]:
    """What must be the same where pieces of memory are put together again."""
    return [list(param.shape), "C" if param.flags.c_contiguous else "F"]


def _remove_others(folder: str, token: str) -> None:
    """Files of saves before, which no manifest names any more."""
    for path in glob.glob(os.path.join(glob.escape(folder), "shard-*.safetensors")):
        if not os.path.basename(path).startswith(f"shard-{token}-"):
            with suppress(OSError):
                os.unlink(path)


def load(folder: PathLike, opt: Sharded, *, schedules: bool = True) -> Any:
    """Take over what `save` has written, from any number of processes, and the parameters with it; collective.

    Each process reads what it owns. Parameters are matched by name where all have names on both sides, else by
    position.

    Args:
        folder: of the checkpoint.
        opt: an optimizer of the class and with the options that was saved.
        schedules: take over where the schedules stand, too.

    Returns:
        The `extra` that was saved.

    Raises:
        OSError, TypeError, ValueError: a file cannot be read, is damaged or of another save, or does not fit; on the
            processes that meet it.
        RuntimeError: on the others. After any error optimizer and parameters are as they were, on all.

    Example:
        See `save`.
    """
    folder = os.fspath(folder)
    with opt.alone("load", mends=True):
        with opt.agreement.or_nobody():
            token, extra, commit = _read(folder, opt, schedules)
        opt.agreement.reach({"the checkpoint": token})
        commit()
        opt.complete()
        return extra


def _read(folder: str, opt: Sharded, schedules: bool) -> tuple[str, Any, Callable[[], None]]:
    where = f"load: {folder!r}"
    try:
        manifest = Manifest.read(folder)
        state_dict = manifest.content["state_dict"]
        reader, states = _Reader(folder, manifest), opt.local.state
        params, lives = opt.local.params, dict[str, Array]()
        for tensor, label in zip(_own_order(opt, state_dict), _saved_labels(state_dict), strict=True):
            if (found := manifest.shapes[label]) != (own := _shape(opt.params[tensor])):
                raise ValueError(f"parameter {label!r} has shape and order {found}, the optimizer's has {own}")
            for key, entry in state_dict["state"][label].items():
                if not isinstance(entry, dict) or "$array" not in entry:
                    continue
                live = lives[entry["$array"]] = states[tensor].get(key, params[tensor])
                if key in opt.factors[tensor]:
                    if live.size:
                        reader.want(entry["$array"], 0, live.size, live.size, live.dtype)
                    continue
                unit = BLOCK if key.endswith("_scale") else 1
                size = -(-opt.layout.sizes[tensor] // unit)
                begin, end = (-(-at // unit) for at in opt.layout.parts[opt.comm.rank][tensor])
                reader.want(entry["$array"], begin, end, size, live.dtype)
        for name in manifest.tensors:
            if name.startswith("extra."):
                reader.want_all(name)
        arrays = reader.read()
        for name, live in lives.items():
            part: Array = arrays.get(name, np.empty(0, live.dtype))
            arrays[name] = part.reshape(live.shape, order="C" if live.flags.c_contiguous else "F")
        state, extra = decode(state_dict, arrays), decode(manifest.content["extra"], arrays)
        return manifest.token, extra, opt.local.loading(state, schedules=schedules, params=True)
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{where}: {error}") from None
    except (TypeError, ValueError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{where}: {error}") from None


def _own_order(opt: Sharded, state_dict: Mapping[str, Any]) -> list[int]:
    """Which of the optimizer's tensors each saved one is."""
    saved = [name for group in state_dict["param_groups"] for name in group.get("names", ())]
    count = len(_saved_labels(state_dict))
    if count != len(opt.params):
        raise ValueError(f"it has {count} parameters, the optimizer has {len(opt.params)}")
    if opt.names is None or len(saved) != count:
        return list(range(count))
    if missing := [name for name in saved if name not in opt.names]:
        raise ValueError(f"it has a parameter {missing[0]!r}, which the optimizer has not")
    return [opt.names.index(name) for name in saved]


class _Reader:
    """Reads parts of tensors, each file once and one piece at a time."""

    def __init__(self, folder: str, manifest: Manifest) -> None:
        self._folder, self._manifest = folder, manifest
        self._arrays: dict[str, Array] = {}
        self._begins: dict[str, int] = {}

    def want(self, name: str, begin: int, end: int, size: int, dtype: np.dtype[Any]) -> None:
        """Elements of a tensor that has this size."""
        pieces = self._manifest.tensors.get(name, [])
        if [0, *(piece.end for piece in pieces)] != [*(piece.begin for piece in pieces), size]:
            raise ValueError(f"tensor {name!r} has not the {size} elements of the optimizer's")
        self._arrays[name], self._begins[name] = np.empty(end - begin, dtype), begin

    def want_all(self, name: str) -> None:
        """A tensor that lies in one piece, whatever it is."""
        self._begins[name] = -1

    def read(self) -> dict[str, Array]:
        for rank in range(len(self._manifest.files)):
            self._read_file(rank)
        return self._arrays

    def _read_file(self, rank: int) -> None:
        wanted = {
            name: piece
            for name in self._begins
            for piece in self._manifest.tensors.get(name, ())
            if piece.file == rank and self._overlaps(name, piece)
        }
        if not wanted:
            return
        file_name = self._manifest.file_name(rank)
        try:
            with opened(os.path.join(self._folder, file_name)) as file:
                self._manifest.require_own(rank, file)
                for number, place in enumerate(file.header.places):
                    if place.name in wanted:
                        self._take(place.name, wanted[place.name], file.tensor(number))
        except ValueError as error:
            raise ValueError(f"{file_name}: {error}") from None

    def _overlaps(self, name: str, piece: Piece) -> bool:
        begin = self._begins[name]
        return begin < 0 or (piece.begin < begin + self._arrays[name].size and begin < piece.end)

    def _take(self, name: str, piece: Piece, found: Array) -> None:
        if (begin := self._begins[name]) < 0:
            self._arrays[name] = found
            return
        own = self._arrays[name]
        if found.dtype.newbyteorder("=") != own.dtype:
            raise TypeError(f"tensor {name!r} has dtype {found.dtype}, the optimizer keeps {own.dtype}")
        first, last = max(begin, piece.begin), min(begin + own.size, piece.end)
        own[first - begin : last - begin] = found[first - piece.begin : last - piece.begin]
