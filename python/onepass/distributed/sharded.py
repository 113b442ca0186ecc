"""How do many processes make one optimizer's step? Each steps what it owns, with the bits of one that owns all."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import numpy as np

from onepass import _core
from onepass.arrays import Array
from onepass.distributed.agreement import Agreement, Said
from onepass.distributed.communicator import Communicator, as_communicator
from onepass.distributed.gradients import Gradients
from onepass.distributed.layout import Layout, laid_out
from onepass.distributed.pieces import Pieces, flat
from onepass.distributed.same import described
from onepass.distributed.threads import threads_of_rank
from onepass.formats import compute_dtype
from onepass.optimizer import Optimizer, ParamGroup, StepRecord
from onepass.optimizer.contents import names_of
from onepass.optimizer.fields import bound
from onepass.optimizer.given import Params, as_groups, in_order, is_found
from onepass.optimizer.groups import new_group
from onepass.optimizer.state import new_mirror, write_mirror
from onepass.optimizer.whole import Finite, Part, Squares, Whole
from onepass.rules import RULES
from onepass.schedules.base import Schedule
from onepass.sparse import SparseRows


class Sharded:
    """An optimizer whose state is cut among processes (ZeRO, stage 1), with the same bits for any number of them.

    Every process has all parameters and computes gradients of its own micro-batches; each owns a share of the state.
    A step moves each gradient to the owners, who add all as one tree over the index of the micro-batch, take the mean,
    and step; then all get the new parameters. Rules that sum over a tensor (`LAMB`, `LARS`, ...) have each tensor
    whole on one process.

    Constructor, `step`, `whole`, `save` and `load` are collective: every process calls them in the same order. What
    sets hyper-parameters is called alike on all. Where one process cannot take part, because of an argument of its own,
    all raise and nothing changes on any.

    Args:
        optimizer: the class, such as `AdamW`.
        params: as the class takes them, equal on all processes.
        comm: ``MPI.COMM_WORLD`` of mpi4py, a process group of torch.distributed over gloo, any `Communicator`, or None
            for one process.
        hyperparameters: as the class takes them, options among them; ``threads`` is by itself this process's part of
            the machine's cores. Arrays for ``ema`` are not taken: it is cut like the state.

    Raises:
        TypeError, ValueError: as the class; on all processes, and naming it, where they differ in something.
        RuntimeError: another process has failed to build its own.

    Example:
        >>> import numpy as np, onepass as op
        >>> from onepass.distributed import Sharded
        >>> p = np.ones(2, np.float32)
        >>> opt = Sharded(op.SGD, [p], comm=None, lr=1.0)
        >>> micro_batches = [np.array([1, 2], np.float32), np.array([3, 0], np.float32)]
        >>> _ = opt.step([micro_batches])
        >>> p
        array([-1.,  0.], dtype=float32)

    Reference:
        Rajbhandari et al., ZeRO: Memory Optimizations Toward Training Trillion Parameter Models, arXiv:1910.02054.
    """

    def __init__(self, optimizer: type[Optimizer], params: Params, comm: Any = None, **hyperparameters: Any) -> None:
        self._owner = f"Sharded {optimizer.__name__}"
        self.comm: Communicator = as_communicator(comm)
        self.agreement = Agreement(self._owner, self.comm)
        self._running = threading.Lock()
        threads = threads_of_rank(self.comm)
        with self.agreement.or_nobody():
            said = self._build(optimizer, params, {"threads": threads, **hyperparameters})
        self.agreement.reach(said)

    def _build(self, optimizer: type[Optimizer], params: Params, given: dict[str, Any]) -> Said:
        owner = optimizer.__name__
        if not isinstance(given.get("ema", False), bool | np.bool_):
            raise TypeError(f"{self._owner}: ema must be True or False; its arrays are cut like the state")
        self._is_bare = isinstance(params, np.ndarray)
        asked = as_groups(owner, params)
        defaults = bound(owner, optimizer.hyperparameters, (), dict(given))
        groups = [new_group(optimizer, group, defaults) for group in asked]
        for group in groups:
            if factors := RULES[group.rule].factors:
                raise ValueError(
                    f"{self._owner}: its state {factors[0].name!r} is of rows, and parameters are cut elsewhere; take "
                    "another optimizer"
                )
            if RULES[group.rule].pooled:
                raise ValueError(
                    f"{self._owner}: it sums over all parameters of a group, which are on several processes here; take "
                    "another optimizer, or step in one process"
                )
        #: All parameters, whole.
        self.params: list[Array] = [param for group in groups for param in group.params]
        self._labels = _labels(groups)
        self.names = names_of(groups)
        self._checker = _checker(owner, self._labels, self.params)
        sums = [len(RULES[group.rule].stages) > 1 for group in groups for _ in group.params]
        #: Who owns what.
        self.layout: Layout = laid_out([param.size for param in self.params], sums, self.comm.size)
        self._pieces = Pieces(self.layout, self.params)
        self._mirrors = self._mirrored(given.get("mirror"))
        if self._mirrors:
            given["mirror"] = self._mirrors.of(self.comm.rank)
        #: The optimizer of what this process owns.
        self.local = optimizer(self._local_groups(asked, groups), **given, _whole=self._whole())
        self._steps = self.local.state[0]["step"]
        self._gradients = Gradients(self.comm, self.layout, [compute_dtype(param.dtype) for param in self.params])
        return described(self.local, self._labels, self.params)

    def _local_groups(self, asked: Sequence[Mapping[str, Any]], groups: Sequence[ParamGroup]) -> list[dict[str, Any]]:
        own = iter(self._pieces.of(self.comm.rank))
        local = []
        for given, group in zip(asked, groups, strict=True):
            cut = [next(own) for _ in group.params]
            local.append({**given, "params": dict(zip(group.names, cut, strict=True)) if group.names else cut})
        return local

    def _whole(self) -> Whole:
        starts = [begin for begin, _ in self.layout.parts[self.comm.rank]]
        return Whole(list(map(Part, starts, self.layout.sizes)), self._all_tiles)

    def _mirrored(self, given: Any) -> Pieces | None:
        """The whole mirrors, of which each process writes its parts."""
        if given is None or given is False:
            #: The copy of each parameter, whole, with `Options.mirror`.
            self.mirror: list[Array] | None = None
            return None
        if isinstance(given, str):
            self.mirror = [new_mirror(self._owner, param, given) for param in self.params]
        else:
            arrays: Any = in_order(self._owner, "mirror", given, self.names, is_bare=self._is_bare)
            _checker(self._owner, self._labels, arrays)  # that they can be written
            self.mirror = list(arrays)
            for param, mirror in zip(self.params, self.mirror, strict=True):
                write_mirror(param, mirror)
        return Pieces(self.layout, self.mirror)

    # Steps

    def step(self, gradients: Any, *, found_inf: Any = None, **options: Any) -> StepRecord:
        """Update every parameter by the mean of the gradients of all processes.

        Args:
            gradients: as the parameters were given. In the place of an array there may be a list of those of several
                micro-batches, as many for each parameter and process. None, on all processes alike, leaves a parameter
                as it is.
            found_inf: anything but 0, on any process, skips the step on all.
            options: as for `Optimizer.step`.

        Returns:
            A `StepRecord`, the same on all processes.

        Raises:
            TypeError, ValueError: on all processes, where one's arguments are wrong or not those of the others; nothing
                has changed then.
            RuntimeError: another process has failed, or another thread is in `step`.
        """
        with self.alone("step"):
            with self.agreement.or_nobody():
                streams, given = self._streams(gradients)
                in_force = self.local.options.for_step(options)
                if in_force.zero_grad:
                    self._require_writeable(given)
                found, said = is_found(found_inf), self._said(streams, options)
            found = self.agreement.reach(said, found)
            summed = self._gradients.exchanged(streams)
            scale = in_force.grad_scale * self.comm.size * len(streams)
            record = self.local.step(
                [None if arrays is None else own for arrays, own in zip(given, summed, strict=True)],
                found_inf=found,
                **{**options, "grad_scale": scale, "zero_grad": False},
            )
            if in_force.zero_grad:
                for array in _all(given):
                    array.fill(0)
            if not record.pending and not record.skipped:
                self.complete()
            return record

    def _streams(self, gradients: Any) -> tuple[list[list[Array]], list[Sequence[Array] | None]]:
        """The flat gradients of each micro-batch, and what was given for each parameter."""
        ordered = in_order("step", "gradients", gradients, self.names, is_bare=self._is_bare)
        given = [None if one is None else _micro_batches(one) for one in ordered]
        counts = {len(arrays) for arrays in given if arrays is not None} or {1}
        if len(counts) > 1 or 0 in counts:
            raise ValueError(f"step: each parameter must have a gradient for each micro-batch, got {sorted(counts)}")
        self._checker.check(given)
        streams = [[_NOTHING if arrays is None else flat(arrays[at]) for arrays in given] for at in range(*counts)]
        return streams, given

    def _said(self, streams: Sequence[Sequence[Array]], options: Mapping[str, Any]) -> Said:
        return {
            "the number of micro-batches": str(len(streams)),
            "the dtypes of gradients": ", ".join(_names_of_dtypes(streams)),
            "the options of the step": repr(sorted(options.items())),
            "the hyper-parameters": repr([group.hyperparameters() for group in self.param_groups]),
            "the steps so far": repr((int(self._steps), *self.local.pending)),
        }

    def _require_writeable(self, given: Sequence[Sequence[Array] | None]) -> None:
        if not all(array.flags.writeable for array in _all(given)):
            raise ValueError("step: a gradient is read-only, and zero_grad sets it to zero; pass zero_grad=False")

    def _all_tiles(self, squares: Squares, finite: Finite) -> tuple[Squares, Finite]:
        both = np.dtype([("squares", squares.dtype), ("finite", finite.dtype)])
        own = np.empty(squares.size, both)
        own["squares"], own["finite"] = squares, finite
        tiles = np.frombuffer(b"".join(self.comm.gather(own.tobytes())), both)[self.layout.tile_order]
        return tiles["squares"].copy(), tiles["finite"].copy()

    def complete(self) -> None:
        """Collective: everybody gets the parameters, and the mirrors, that their owners have."""
        self._pieces.complete(self.comm)
        if self._mirrors:
            self._mirrors.complete(self.comm)

    @contextmanager
    def alone(self, method: str) -> Iterator[None]:
        """Nobody else works on this optimizer meanwhile. Raises RuntimeError if somebody does."""
        if not self._running.acquire(blocking=False):
            raise RuntimeError(f"{self._owner}: {method}() was called while this optimizer is in another call")
        try:
            yield
        finally:
            self._running.release()

    # What all processes have alike

    @property
    def param_groups(self) -> tuple[ParamGroup, ...]:
        """The groups; their hyper-parameters are set alike on all processes, their arrays are this one's parts."""
        return self.local.param_groups

    def assign(self, changes: Mapping[str, Any]) -> None:
        """As `Optimizer.assign`, called alike on all processes."""
        self.local.assign(changes)

    def attach_schedule(self, schedule: Schedule, group: int | None = None, *, every: int = 1) -> None:
        """As `Optimizer.attach_schedule`, called alike on all processes."""
        self.local.attach_schedule(schedule, group, every=every)

    def detach_schedule(self, group: int | None = None) -> None:
        """As `Optimizer.detach_schedule`, called alike on all processes."""
        self.local.detach_schedule(group)

    def whole(self, what: Literal["ema", "averaged"]) -> list[Array]:
        """Collective: whole copies of what the processes keep parts of, on all of them.

        Args:
            what: ``"ema"`` or ``"averaged"``, as the optimizer has them.

        Raises:
            ValueError: it has none.
        """
        if what not in ("ema", "averaged"):
            raise ValueError(f"{self._owner}: whole: what must be 'ema' or 'averaged', got {what!r}")
        with self.alone("whole"):
            own = getattr(self.local, what)
            if own is None:
                raise ValueError(f"{self._owner}: whole: there is no {what}; give {what}=True to the optimizer")
            arrays = [np.empty_like(param, compute_dtype(param.dtype)) for param in self.params]
            pieces = Pieces(self.layout, arrays)
            for room, part in zip(pieces.of(self.comm.rank), own, strict=True):
                room[...] = part
            pieces.complete(self.comm)
            return arrays

    def __repr__(self) -> str:
        return f"Sharded({self.local!r}, rank {self.comm.rank} of {self.comm.size})"


def _labels(groups: Sequence[ParamGroup]) -> list[str]:
    labels: list[str] = []
    for group in groups:
        labels += group.labels(len(labels))
    return labels


def _micro_batches(gradient: Any) -> Sequence[Array]:
    if isinstance(gradient, SparseRows):
        raise TypeError("step: a gradient is SparseRows, which do not travel; pass an array")
    return gradient if isinstance(gradient, list | tuple) else [gradient]


#: Where a parameter has no gradient.
_NOTHING = np.empty(0, np.float32)


def _all(given: Sequence[Sequence[Array] | None]) -> Iterator[Array]:
    return (array for arrays in given if arrays is not None for array in arrays)


def _names_of_dtypes(streams: Sequence[Sequence[Array]]) -> Iterator[str]:
    names: dict[Any, str] = {}  # NumPy takes long to tell one
    for stream in streams:
        for array in stream:
            if array is _NOTHING:
                yield "None"
                continue
            if array.dtype not in names:
                names[array.dtype] = array.dtype.name
            yield names[array.dtype]


def _checker(owner: str, labels: Sequence[str], params: Sequence[Array]) -> _core.Plan:
    """What checks whole parameters and gradients, as one process does: plain SGD, which is never run."""
    values = RULES["sgd"].kernel_values({"maximize": False, "lr": 0.0, "weight_decay": 0.0})
    tensors = [
        (label, 0, param, {"step": np.zeros((), np.int64)}, None, 0)
        for label, param in zip(labels, params, strict=True)
    ]
    return _core.Plan(owner, "step", [("sgd", values)], tensors, _core.Rounding())
