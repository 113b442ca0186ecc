"""How do many processes make one optimizer's step? Each steps what it owns, with the bits of one that owns all."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Literal

import numpy as np

from onepass.arrays import Array
from onepass.distributed.agreement import Agreement, Said
from onepass.distributed.communicator import Communicator, as_communicator
from onepass.distributed.gradients import Dtypes, Gradients, Stream, are_alike
from onepass.distributed.holding import Holding
from onepass.distributed.layout import Layout
from onepass.distributed.pieces import flat
from onepass.distributed.pipeline import Pipeline
from onepass.distributed.same import described, described_groups
from onepass.distributed.threads import threads_of_rank
from onepass.distributed.tree import MAX_ADDENDS
from onepass.formats import compute_dtype
from onepass.optimizer import Optimizer, ParamGroup, StepRecord
from onepass.optimizer.fields import bound
from onepass.optimizer.given import Params, as_groups, in_order, is_found
from onepass.optimizer.groups import new_group
from onepass.optimizer.options import Options
from onepass.optimizer.state import new_mirror, write_mirror
from onepass.optimizer.whole import Finite, Squares, Whole
from onepass.schedules.base import Schedule
from onepass.sparse import SparseRows


class Sharded:
    """An optimizer whose state is cut among processes (ZeRO, stage 1), with the same bits for any number of them.

    Every process has all parameters and computes gradients of its own micro-batches; each owns a share of the state.
    A step moves each gradient to the owners, who add all as one tree over the index of the micro-batch, take the mean,
    and step; then all get the new parameters. Rules that sum over a tensor (`LAMB`, `LARS`, ...) have each tensor
    whole on one process.

    Constructor, `step`, `add_param_group`, `whole`, `save` and `load` are collective: every process calls them in the
    same order. What sets hyper-parameters is called alike on all. Where one process cannot take part, because of an
    argument of its own, all raise and nothing changes on any.

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
        self._held = Holding(owner, self.comm, groups)
        self._mirror_dtype = mirror if isinstance(mirror := given.get("mirror"), str) else None
        if mirror is not None and mirror is not False:
            given["mirror"] = self._held.mirror_in(self._mirrored(self._held, mirror))
        self._whole = Whole(self._held.parts, self._all_tiles)
        #: The optimizer of what this process owns.
        self.local = optimizer(_of_own(asked, groups, self._held.own), **given, _whole=self._whole)
        self._steps = self.local.state[0]["step"]
        self._bound: list[Sequence[Array] | None] | None = None
        self._gradients: Gradients | None = None
        self._named: tuple[list[Dtypes], str] = [], ""
        self._is_torn = False
        return described(self.local) | described_groups(groups, self._held.labels)

    def _mirrored(self, held: Holding, given: Any) -> list[Array]:
        """The whole mirrors, of which each process writes its parts."""
        if isinstance(given, str):
            return [new_mirror(self._owner, param, given) for param in held.params]
        arrays: Any = in_order(self._owner, "mirror", given, held.names, is_bare=self._is_bare)
        held.require_updatable(arrays)
        for param, mirror in zip(held.params, arrays, strict=True):
            write_mirror(param, mirror)
        return list(arrays)

    def add_param_group(self, group: Mapping[str, Any]) -> None:
        """As `Optimizer.add_param_group`; collective, with equal parameters on all processes.

        What was there stays with its owners, and the new parameters are cut among all.

        Args:
            group: ``{"params": ..., "lr": ..., ...}``.

        Raises:
            TypeError, ValueError, RuntimeError: as the constructor; nothing has changed then on any process.
        """
        with self.alone("add_param_group"):
            with self.agreement.or_nobody():
                new = new_group(type(self.local), group, self.local.defaults)
                held = Holding(type(self.local).__name__, self.comm, [*self._held.groups, new], self._held.layout)
                added = slice(len(self.params), None)
                mirrors: Sequence[Any] = ()
                if self.mirror is not None and self._mirror_dtype is not None:
                    more = [new_mirror(self._owner, param, self._mirror_dtype) for param in held.params[added]]
                    mirrors = held.mirror_in([*self.mirror, *more])[added]
                (own,) = _of_own([group], [new], held.own[added])
            self.agreement.reach(described_groups([new], held.labels[added], len(self._held.groups)))
            with self._whole.grown(held.parts[added], mirrors):
                self.local.add_param_group(own)
            self._held, self._bound, self._is_bare = held, None, False
            self._gradients, self._named = None, ([], "")

    # Steps

    def step(self, gradients: Any = None, *, found_inf: Any = None, **options: Any) -> StepRecord:
        """Update every parameter by the mean of the gradients of all processes.

        Args:
            gradients: as the parameters were given. In the place of an array there may be a list of those of several
                micro-batches, as many for each parameter and process. None, on all processes alike, leaves a parameter
                as it is. Without an argument those bound by `bind_gradients` are used.
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
                streams, given = self._streams("step", gradients)
                in_force = self.local.options.for_step(options)
                if in_force.zero_grad:
                    self._require_writeable(given)
                dtypes: list[Dtypes] = [[None if one is None else one.dtype for one in each] for each in streams]
                found, said = is_found(found_inf), self._said(dtypes, options)
            found = self.agreement.reach(said, found)
            scale = in_force.grad_scale * self.comm.size * len(streams)
            own_options = {**options, "grad_scale": scale, "zero_grad": False}
            record = self._step(streams, dtypes, in_force, found_inf=found, **own_options)
            if in_force.zero_grad:
                for array in _all(given):
                    array.fill(0)
            return record

    def _step(self, streams: Sequence[Stream], dtypes: list[Dtypes], in_force: Options, **options: Any) -> StepRecord:
        if self.comm.size == 1 and len(streams) <= MAX_ADDENDS:
            return self.local.step(self._listed(streams), **options)
        with self._or_torn():
            exchange = self._exchange(dtypes)
            completes = self.local.pending[0] + 1 == in_force.accumulate
            has_parts = not (self._held.sums and (completes or any(self._held.factors)))
            is_streamed = exchange.can_stream and has_parts and not (completes and in_force.measures_norm)
            if is_streamed:
                incoming = partial(exchange.start, streams=streams)
                pipeline = Pipeline(incoming, self._held.pieces if completes else [], len(self._held.buckets))
                gradients: Any = exchange.streamed(streams[0])
            else:
                pipeline = Pipeline(None, self._held.pieces if completes else [], len(self._held.buckets))
                gradients = self._listed(exchange.addends(streams))
            ends = self._held.ends
            places = exchange.places if is_streamed else [[] for _ in ends]
            self._whole.in_parts = (list(zip(ends, places, strict=True)), pipeline.before) if has_parts else None
            try:
                record = self.local.step(gradients, **options)
            finally:
                self._whole.in_parts = None
            if completes and not record.skipped:
                pipeline.end() if has_parts else self.complete()
            return record

    def _listed(self, addends: Sequence[Stream]) -> list[Any]:
        """Of each parameter the list of what is added."""
        each = zip(*map(self._held.as_stepped, addends), strict=True)
        return [None if one[0] is None else one for one in each]

    def _exchange(self, dtypes: list[Dtypes]) -> Gradients:
        """That of gradients like these, which is kept for the next step."""
        if self._gradients is None or not are_alike(self._gradients.dtypes, dtypes):
            computed = [compute_dtype(param.dtype) for param in self.params]
            threads = self.local.options.threads or 0
            self._gradients = Gradients(self.comm, self.layout, self._held.buckets, computed, dtypes, threads)
        return self._gradients

    @contextmanager
    def _or_torn(self) -> Iterator[None]:
        """Where a step breaks off, some buckets have been stepped and others not."""
        try:
            yield
        except BaseException:
            self._is_torn = True
            raise

    def bind_gradients(self, gradients: Any) -> None:
        """As `Optimizer.bind_gradients`; what one process binds says nothing to the others before they step.

        Args:
            gradients: as for `step`; write new gradients into the same arrays.

        Raises:
            TypeError, ValueError: as `step`; the binding is then unchanged.
        """
        with self.alone("bind_gradients"):
            if gradients is None:
                raise TypeError("bind_gradients: gradients must be given as the parameters were, got None")
            _, self._bound = self._streams("bind_gradients", gradients)

    def _streams(self, caller: str, gradients: Any) -> tuple[list[Stream], list[Sequence[Array] | None]]:
        """The flat gradients of each micro-batch, and what was given for each parameter."""
        if gradients is None:
            if (given := self._bound) is None:
                raise ValueError(f"{caller}: gradients are missing; pass them, or bind_gradients(...) once")
        else:
            ordered = in_order(caller, "gradients", gradients, self.names, is_bare=self._is_bare)
            given = [None if one is None else _micro_batches(one) for one in ordered]
        counts = {len(arrays) for arrays in given if arrays is not None} or {1}
        if len(counts) > 1 or 0 in counts:
            raise ValueError(
                f"{caller}: each parameter must have a gradient for each micro-batch, got {sorted(counts)}"
            )
        self._held.checker.check(given)
        streams: list[Stream] = [
            [None if arrays is None else arrays[at].ravel("K") for arrays in given] for at in range(*counts)
        ]
        return streams, given

    def _said(self, dtypes: list[Dtypes], options: Mapping[str, Any]) -> Said:
        return {
            "the number of micro-batches": str(len(dtypes)),
            "the dtypes of gradients": self._names_of_dtypes(dtypes),
            "the options of the step": repr(sorted(options.items())),
            "the hyper-parameters": repr([group.hyperparameters() for group in self.param_groups]),
            "the steps so far": repr((int(self._steps), *self.local.pending)),
        }

    def _names_of_dtypes(self, dtypes: list[Dtypes]) -> str:
        if not are_alike(self._named[0], dtypes):  # for NumPy takes long to tell one
            self._named = dtypes, ", ".join("None" if one is None else one.name for each in dtypes for one in each)
        return self._named[1]

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
        for pieces in self._held.pieces:
            pieces.complete()

    @contextmanager
    def alone(self, method: str, *, mends: bool = False) -> Iterator[None]:
        """Nobody else works on this optimizer meanwhile, which no error has left halfway, unless this `mends` it.

        Raises:
            RuntimeError: somebody does, or a step was broken off.
        """
        if not self._running.acquire(blocking=False):
            raise RuntimeError(f"{self._owner}: {method}() was called while this optimizer is in another call")
        try:
            if self._is_torn and not mends:
                raise RuntimeError(
                    f"{self._owner}: {method}: a step was broken off when some of it was done; load a checkpoint"
                )
            yield
            self._is_torn = False
        finally:
            self._running.release()

    # What all processes have alike

    @property
    def params(self) -> list[Array]:
        """All parameters, whole, group by group."""
        return self._held.params

    @property
    def names(self) -> list[str] | None:
        """The names of all parameters; None if one has none."""
        return self._held.names

    @property
    def mirror(self) -> list[Array] | None:
        """The copy of each parameter, whole, with `Options.mirror`."""
        return self._held.mirror

    @property
    def layout(self) -> Layout:
        """Who owns what."""
        return self._held.layout

    @property
    def factors(self) -> list[set[str]]:
        """Of each parameter the state that has another size: of rows, or of columns."""
        return self._held.factors

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
            pieces = self._held.cut(arrays)
            for room, part in zip(pieces.own, own, strict=True):
                room[...] = flat(part)
            pieces.complete()
            return arrays

    def __repr__(self) -> str:
        return f"Sharded({self.local!r}, rank {self.comm.rank} of {self.comm.size})"


def _of_own(
    asked: Sequence[Mapping[str, Any]], groups: Sequence[ParamGroup], own: Sequence[Array | None]
) -> list[dict[str, Any]]:
    """The groups that were asked for, of what this process owns."""
    each = iter(own)
    found = []
    for given, group in zip(asked, groups, strict=True):
        cut = [next(each) for _ in group.params]
        found.append({**given, "params": dict(zip(group.names, cut, strict=True)) if group.names else cut})
    return found


def _micro_batches(gradient: Any) -> Sequence[Array]:
    if type(gradient) is np.ndarray:
        return (gradient,)
    if isinstance(gradient, SparseRows):
        raise TypeError("step: a gradient is SparseRows, which do not travel; pass an array")
    return gradient if isinstance(gradient, list | tuple) else [gradient]


def _all(given: Sequence[Sequence[Array] | None]) -> Iterator[Array]:
    return (array for arrays in given if arrays is not None for array in arrays)
