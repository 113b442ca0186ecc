"""What do all optimizers share? Parameters and their state, the step, and the way to disk and back."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields
from itertools import islice
from threading import get_ident
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Literal, cast

import numpy as np

from onepass import _core
from onepass.arrays import Array
from onepass.checks import Integer, require_keys
from onepass.optimizer.attached import AttachedSchedule
from onepass.optimizer.averages import average_of
from onepass.optimizer.checkpoint import loading, state_dict
from onepass.optimizer.contents import Contents, names_of, parts_of
from onepass.optimizer.fields import Field, OptionView, Taken, bound, declare, option, signature, whole_docstring
from onepass.optimizer.given import Arrays, Gradient, Gradients, Params, as_groups, in_order, is_found
from onepass.optimizer.groups import ParamGroup, new_group
from onepass.optimizer.options import MirrorDtype, Options, OptionsInForce, StepFields, StepOptions
from onepass.optimizer.record import StepRecord
from onepass.optimizer.scheduling import attach
from onepass.optimizer.state import new_mirror, new_state, refuse_idle_options, write_mirror
from onepass.optimizer.turn import Turn
from onepass.optimizer.whole import Whole
from onepass.rules import RULES
from onepass.schedules.base import Schedule

if TYPE_CHECKING:
    from typing_extensions import Unpack

    class Declared(StepFields):
        """What every constructor takes beside hyper-parameters."""

        params: Taken[Params, list[Array]]
        ema: Taken[bool | Arrays, list[Array] | None] = option(default=False, kw_only=True)
        mirror: Taken[bool | MirrorDtype | Arrays | None, list[Array] | None] = option(default=False, kw_only=True)

else:
    Declared = object

Values = Mapping[str, Any]
_APPLIED = StepRecord()


class Optimizer(Declared):
    """Updates arrays in place. Each optimizer is a subclass that names its rules and declares its hyper-parameters.

    A hyper-parameter is an attribute, too: reading it gives the value that all groups have, setting it sets it in all.
    """

    #: The rules, as in cpp/rules/, that the subclass chooses from.
    rules: ClassVar[tuple[str, ...]]
    #: The slot that holds an average of the iterates, if there is one.
    average_slot: ClassVar[str | None] = None
    #: Every optimizer, by its name in lower case.
    registry: ClassVar[dict[str, type[Optimizer]]] = {}
    hyperparameters: ClassVar[dict[str, Field]] = {}

    maximize: bool = option(default=False, kw_only=True)

    def __init_subclass__(cls) -> None:
        cls.registry[cls.__name__.lower()] = cls
        cls.hyperparameters = declare(cls, cls.hyperparameters)
        cls.__signature__ = signature(  # type: ignore[attr-defined]
            cls.hyperparameters, {one.name: one.default for one in fields(Options)}
        )
        cls.__doc__ = whole_docstring(cls.__doc__ or "")

    def __init__(self, params: Params, *positional: Any, **given: Any) -> None:
        self._owner = type(self).__name__
        #: What the parameters are parts of, for `onepass.distributed`.
        self._whole: Whole | None = given.pop("_whole", None)
        defaults = bound(self._owner, self.hyperparameters, positional, given)
        self.defaults = MappingProxyType(defaults)
        self.options = Options.of(self._owner, given, defaults)
        self._turn = Turn(self._owner, self._rebuild)
        self._is_bare = isinstance(params, np.ndarray)
        self._mirror_dtype = given["mirror"] if isinstance(given.get("mirror"), str) else None
        groups = [self._new_group(group) for group in as_groups(self._owner, params)]
        if not groups:
            raise ValueError(f"{self._owner}: params is empty; pass at least one array")
        position = 0
        for group in groups:
            self._make_state(group, position)
            position += len(group.params)
        refuse_idle_options(self._owner, [param for group in groups for param in group.params], self.options)
        self._take_arrays(groups, given)
        self._hold(groups)
        if self._mirror_dtype is None:
            for param, mirror in zip(self.params, self._contents.mirrors, strict=False):
                write_mirror(param, mirror)

    def _hold(self, groups: Sequence[ParamGroup]) -> None:
        """Bind groups, and make what depends on the options."""
        self._contents = Contents(self._owner, self.options.core_rounding(), groups, self._whole)
        self._options_in_force = OptionsInForce(self.options)
        self._is_plain = self.options.is_plain
        self._bound: Sequence[Gradient | None] | None = None
        self._note_schedules()

    def _note_schedules(self) -> None:
        """Which groups must be prepared for a step?"""
        self._scheduled = [(group, group.attached) for group in self._contents.groups if group.attached]

    @classmethod
    def rule(cls, values: Values) -> str:
        """The rule for these hyper-parameters; raises ValueError if they contradict each other."""
        (rule,) = cls.rules
        return rule

    # Parameters and state

    @property
    def param_groups(self) -> tuple[ParamGroup, ...]:
        """The groups; set a hyper-parameter with ``opt.param_groups[0]["lr"] = 5e-4``."""
        return tuple(self._contents.groups)

    @property
    def state(self) -> tuple[Mapping[str, Array], ...]:
        """The state of each parameter, ``step`` and the arrays, named as in torch; the arrays are the live ones."""
        return tuple(MappingProxyType(dict(state)) for state in self._contents.states)

    @property
    def averaged(self) -> list[Array]:
        """Copies of the average of the iterates, with which `ASGD` and Schedule-Free are evaluated.

        In float32, float64 for parameters of that; before its first step the parameter itself.

        Raises:
            ValueError: the optimizer keeps none; any one does with the option ``ema``.
        """
        if self.average_slot is None:
            raise ValueError(f"{self._owner}: averaged: it keeps no average; build it with ema=True and read opt.ema")
        with self._turn.at_rest("averaged"):
            return [
                average_of(param, state, RULES[group.rule], self.average_slot)
                for group in self._contents.groups
                for param, state in zip(group.params, group.states, strict=True)
            ]

    if not TYPE_CHECKING:  # which have these from Declared

        @property
        def params(self):
            """All parameters, group by group."""
            return self._contents.params

        @property
        def ema(self):
            """The average of each parameter over the steps, with `Options.ema`; it starts at the first step."""
            return [state["ema"] for state in self._contents.states] if self.options.ema else None

        @property
        def mirror(self):
            """The copy of each parameter that a step writes, with `Options.mirror`."""
            return list(self._contents.mirrors) if self.options.mirror else None

    def named(self, what: Literal["params", "averaged", "ema", "mirror", "state"]) -> dict[str, Any]:
        """The arrays, or the states, by the names that the parameters were given with.

        Raises:
            ValueError: parameters were given without names, there is no such thing, or the optimizer keeps none.

        Example:
            >>> import numpy as np, onepass as op
            >>> opt = op.SGD({"w": np.ones(2)}, lr=0.5, ema=True)
            >>> _ = opt.step({"w": np.ones(2)})
            >>> opt.named("params"), opt.named("ema")
            ({'w': array([0.5, 0.5])}, {'w': array([0.5, 0.5])})
        """
        if what not in (known := ("params", "averaged", "ema", "mirror", "state")):
            raise ValueError(f"{self._owner}: named: what must be one of {', '.join(known)}, got {what!r}")
        names, found = self._contents.names, getattr(self, what)
        if names is None:
            raise ValueError(f"{self._owner}: named: parameters were given without names; opt.{what} has their order")
        if found is None:
            raise ValueError(f"{self._owner}: named: there is no {what}; give {what}=... to the optimizer")
        return dict(zip(names, found, strict=True))

    @property
    def pending(self) -> tuple[int, bool]:
        """Calls of `step` that wait for those that complete it, and whether one was told of an infinity."""
        return self._contents.plan.pending, self._contents.plan.found_inf

    def assign(self, changes: Mapping[str, Any]) -> None:
        """Set hyper-parameters in all groups, or in none.

        Raises:
            TypeError, ValueError: naming the hyper-parameter and its range.
            KeyError: the optimizer does not have it.
        """
        with self._turn.at_rest("assign"):
            groups = self._contents.groups
            checked = [group.assignable(changes) for group in groups]
            before = [group.in_force for group in groups]
            try:
                for group, values in zip(groups, checked, strict=True):
                    group.commit(values, changes)
            except BaseException:
                for group, values in zip(groups, before, strict=True):
                    group.commit(values, changes)
                raise

    def add_param_group(self, group: Mapping[str, Any]) -> None:
        """Add parameters, with hyper-parameters of their own where the group names them.

        Args:
            group: ``{"params": ..., "lr": ..., ...}``.

        Raises:
            TypeError, ValueError: as the constructor; the optimizer is then unchanged.
        """
        with self._turn.at_rest("add_param_group"):
            if self.options.mirror and self._mirror_dtype is None and not (self._whole and self._whole.mirrors):
                raise ValueError(
                    f"{self._owner}: mirror was given as arrays, and there is none for a new parameter; give it as a "
                    "dtype"
                )
            new = self._new_group(group)
            self._make_state(new, self._contents.size)
            self._contents.add(new)
            self._bound = None
            self._is_bare = False

    def _new_group(self, group: Mapping[str, Any]) -> ParamGroup:
        return new_group(type(self), group, self.defaults)

    def _make_state(self, group: ParamGroup, position: int) -> None:
        for label, param in zip(group.labels(position), group.params, strict=True):
            _core.require_updatable(self._owner, label, param)
        rule, parts = RULES[group.rule], parts_of(group.params, position, self._whole)
        group.states = [
            new_state(self._owner, rule, param, self.options, part.size)
            for param, part in zip(group.params, parts, strict=True)
        ]
        group.start_states()
        if self._mirror_dtype is not None:
            group.mirrors = [new_mirror(self._owner, param, self._mirror_dtype) for param in group.params]
        elif self._whole:
            group.mirrors = list(self._whole.mirrors)

    def _take_arrays(self, groups: Sequence[ParamGroup], options: Mapping[str, Any]) -> None:
        """The caller's arrays for the options `ema` and `mirror`."""
        if self.options.ema and not isinstance(options["ema"], bool | np.bool_):
            for group, arrays in self._given_arrays(groups, "ema", options["ema"]):
                for state, array in zip(group.states, arrays, strict=True):
                    state["ema"] = array
        if self.options.mirror and self._mirror_dtype is None:
            for group, arrays in self._given_arrays(groups, "mirror", options["mirror"]):
                group.mirrors = arrays

    def _given_arrays(
        self, groups: Sequence[ParamGroup], what: str, given: Arrays
    ) -> Iterator[tuple[ParamGroup, list[Array]]]:
        count = sum(len(group.params) for group in groups)
        arrays = in_order(self._owner, what, given, names_of(groups), is_bare=self._is_bare)
        if len(arrays) != count:
            raise ValueError(f"{self._owner}: {what} has {len(arrays)} arrays for {count} parameters")
        if any(array is None for array in arrays):
            raise TypeError(f"{self._owner}: {what} must have an array for every parameter, got None")
        each = iter(cast(Sequence[Array], arrays))
        return ((group, list(islice(each, len(group.params)))) for group in groups)

    def _in_order(self, caller: str, what: str, given: Any) -> Sequence[Gradient | None]:
        return in_order(caller, what, given, self._contents.names, is_bare=self._is_bare)

    # Steps

    def step(
        self, gradients: Gradients | None = None, *, found_inf: Any = None, **options: Unpack[StepOptions]
    ) -> StepRecord:
        """Update every parameter that has a gradient, in one pass.

        Args:
            gradients: as the parameters were given: one array, a sequence or a dict. None in the place of an array
                leaves that parameter, its state and its step count as they are; a list or tuple of 1 to 64 arrays is
                their sum, added as one binary tree. Without an argument the gradients bound by `bind_gradients` are
                used. They are only read, unless ``zero_grad`` sets them to zero. Their dtype is that of the parameter
                or float32; float32 parameters also take those of 16 bits.
            found_inf: anything but 0, NaN included, skips the step: what a gradient scaler has found.
            options: those of `Options` that hold for this step alone.

        Returns:
            A `StepRecord`.

        Raises:
            TypeError, ValueError: naming the gradient and what is wrong with it; nothing has changed then.
            RuntimeError: another thread is in `step` of this optimizer.
        """
        turn = self._turn
        if turn.stepper:
            turn.require_no_step("step")
        with turn.lock:  # which waits for what is copied or saved in another thread
            turn.stepper = get_ident()
            try:
                if type(gradients) is not list and type(gradients) is not tuple:
                    gradients = self._gradients("step", gradients)
                if self._scheduled:
                    return self._scheduled_step(gradients, found_inf, options)
                return self._step(gradients, found_inf, options)
            finally:
                turn.stepper = 0

    def _step(self, gradients: Sequence[Gradient | None], found_inf: Any, changes: Mapping[str, Any]) -> StepRecord:
        if self._is_plain and not changes and found_inf is None:
            self._contents.plan.step(gradients)
            return _APPLIED
        options, core = self._options_in_force(changes)
        plan = self._contents.plan
        together, in_parts = (self._whole.together, self._whole.in_parts) if self._whole else (None, None)
        skipped, norm, coefficient = plan.step_with(gradients, core, is_found(found_inf), together, in_parts)
        if pending := plan.pending:
            return StepRecord(pending=pending)
        if not (skipped or options.measures_norm):
            return _APPLIED
        return StepRecord(
            skipped,
            norm if options.measures_norm else None,
            coefficient if options.clip_norm is not None else None,
        )

    def _scheduled_step(
        self, gradients: Sequence[Gradient | None], found_inf: Any, changes: Mapping[str, Any]
    ) -> StepRecord:
        plan = self._contents.plan
        applied = plan.applied
        for group, attached in self._scheduled:
            group.prepare(attached, applied)
        try:
            for group, _ in self._scheduled:
                group.advance()
            return self._step(gradients, found_inf, changes)
        finally:
            if plan.applied == applied:
                for group, _ in self._scheduled:
                    group.take_back()

    def bind_gradients(self, gradients: Gradients) -> None:
        """Keep these gradient arrays, so that ``step()`` without an argument reads them.

        Args:
            gradients: as for `step`; write new gradients into the same arrays.

        Raises:
            TypeError, ValueError: as `step`; the binding is then unchanged.
        """
        with self._turn.at_rest("bind_gradients"):
            ordered = list(self._gradients("bind_gradients", gradients))
            self._contents.plan.check(ordered)
            self._bound = ordered

    def _gradients(self, caller: str, gradients: Gradients | None) -> Sequence[Gradient | None]:
        if gradients is not None:
            return self._in_order(caller, "gradients", gradients)
        if self._bound is None:
            raise ValueError(f"{caller}: gradients are missing; pass them, or bind_gradients(...) once")
        return self._bound

    # Schedules

    def attach_schedule(self, schedule: Schedule, group: int | None = None, *, every: int = 1) -> None:
        """Let a schedule set the learning rate before each step; `Schedule.attach` calls this.

        Args:
            schedule: computes the hyper-parameters from the step number and from the learning rate now. What it sets
                cannot be set otherwise until `detach_schedule`.
            group: index of the group, or None for all.
            every: steps between advances, such as the number of batches in an epoch.

        Raises:
            TypeError, ValueError: there is no such group, it has a schedule, or cannot take what this one sets.
        """
        with self._turn.at_rest("attach_schedule"):
            attach(self._owner, self._contents.plan, self._chosen(group), schedule, every)
            self._note_schedules()

    def detach_schedule(self, group: int | None = None) -> None:
        """Let hyper-parameters stay as their schedule has set them; ``param_groups[i].schedule`` is what it was.

        Args:
            group: index of the group, or None for all.
        """
        with self._turn.at_rest("detach_schedule"):
            for one in self._chosen(group):
                one.attached = None
            self._note_schedules()

    def _chosen(self, group: int | None) -> list[ParamGroup]:
        groups = self._contents.groups
        return groups if group is None else [groups[Integer(0, len(groups)).check(self._owner, "group", group)]]

    # Copies

    def state_dict(self, *, params: bool = False) -> dict[str, Any]:
        """A deep copy of the state and the hyper-parameters, in plain Python and NumPy.

        ``{"optimizer", "version", "state": {i: {"step", "exp_avg", ...}}, "param_groups": [{"lr", ..., "params"}]}``

        Args:
            params: each state has its parameter, too, under ``"param"``.
        """
        with self._turn.at_rest("state_dict"):
            return self._state_dict(copies=True, params=params)

    @contextmanager
    def resting(self, method: str, *, params: bool) -> Iterator[dict[str, Any]]:
        """What `state_dict` returns, with the live arrays in the place of copies; nobody steps meanwhile.

        Args:
            method: what is about to be done, for the error message.

        Raises:
            RuntimeError: the caller is in `step` of this optimizer.
        """
        with self._turn.at_rest(method):
            yield self._state_dict(copies=False, params=params)

    def _state_dict(self, *, copies: bool, params: bool) -> dict[str, Any]:
        accumulates = self.options.accumulate > 1
        return state_dict(self._owner, self._contents, accumulates=accumulates, copies=copies, params=params)

    def load_state_dict(self, state_dict: Mapping[str, Any], *, schedules: bool = True, params: bool = False) -> None:
        """Take over a `state_dict`: read once, checked as a whole, then copied.

        Parameters are matched by name where all have names on both sides, also over groups that are cut otherwise, else
        by position.

        Args:
            state_dict: is only read. Keys of ``"state"`` may have become strings, and tuples lists, as JSON has it.
            schedules: take over where the schedules stand, too: those attached must be the ones saved. Without it, what
                was saved of schedules is left out, and those attached stay as they are.
            params: take over the parameters, too, and write the mirror anew; they must have been saved along.

        Raises:
            TypeError, ValueError: naming the entry that does not fit; the optimizer is then unchanged.
        """
        with self._turn.at_rest("load_state_dict"):
            self.loading(state_dict, schedules=schedules, params=params)()

    def loading(
        self, state_dict: Mapping[str, Any], *, schedules: bool = True, params: bool = False
    ) -> Callable[[], None]:
        """What does as `load_state_dict` when it is called, and cannot be refused any more.

        Raises:
            TypeError, ValueError: naming the entry that does not fit.
        """
        mirrors = self._contents.mirrors if params else []
        if any(not mirror.flags.writeable for mirror in mirrors):
            raise ValueError(f"{self._owner}: an array of the mirror has become read-only; make it writeable")
        take_over = loading(
            self._owner,
            self._contents,
            state_dict,
            accumulate=self.options.accumulate,
            schedules=schedules,
            params=params,
        )

        def commit() -> None:
            take_over()
            for param, mirror in zip(self._contents.params, mirrors, strict=False):
                write_mirror(param, mirror)

        return commit

    def __getstate__(self) -> dict[str, Any]:
        """A copy at one moment: nobody steps while it is made."""
        return self._copied("__getstate__", {})

    def _copied(self, method: str, memo: dict[int, Any]) -> dict[str, Any]:
        self.require_whole(method)
        with self._turn.at_rest(method):
            return copy.deepcopy(self._parts(), memo)

    def require_whole(self, method: str) -> None:
        """Raise TypeError if the parameters are parts that `onepass.distributed` steps; `method` is named in it."""
        if self._whole:
            raise TypeError(f"{self._owner}: {method}: its arrays are parts that other processes step along with")

    def _rebuild(self) -> None:
        """Bind everything anew: a plan in the midst of a step is of no use in a forked child."""
        self.__setstate__(self._parts())

    def _parts(self) -> dict[str, Any]:
        return {
            "defaults": dict(self.defaults),
            "options": self.options,
            "groups": [
                (group.hyperparameters(), list(group.params), group.names, [*group.states], [*group.mirrors])
                for group in self._contents.groups
            ],
            "schedules": [
                one and (one.schedule, one.base, one.every, one.steps)
                for one in (group.attached for group in self._contents.groups)
            ],
            "mirror": self._mirror_dtype,
            "pending": self.pending,
            "bare": self._is_bare,
        }

    def __setstate__(self, saved: dict[str, Any]) -> None:
        wanted = {"defaults", "options", "groups", "schedules", "mirror", "pending", "bare"}
        require_keys(f"{type(self).__name__}: pickle", saved, wanted)
        self._owner = type(self).__name__
        self._whole = getattr(self, "_whole", None)  # which one that is bound anew keeps
        self.defaults = MappingProxyType(saved["defaults"])
        self.options, self._mirror_dtype, self._is_bare = saved["options"], saved["mirror"], saved["bare"]
        self._turn = Turn(self._owner, self._rebuild)
        groups = []
        for values, params, names, states, mirrors in saved["groups"]:
            group = ParamGroup(type(self), tuple(params), names, values)
            group.states, group.mirrors = states, mirrors
            groups.append(group)
        self._hold(groups)
        plan = self._contents.plan
        plan.pending, plan.found_inf = saved["pending"]
        for group, attached in zip(groups, saved["schedules"], strict=True):
            if attached:
                schedule, base, every, steps = attached
                group.attached = AttachedSchedule(schedule, base, every, plan, plan.applied - steps)
        self._note_schedules()

    def __copy__(self) -> Optimizer:
        """The same parameters with an independent copy of the state."""
        shared = (*self._contents.params, *self._contents.mirrors)
        parts = self._copied("__copy__", {id(array): array for array in shared})
        twin = type(self).__new__(type(self))
        twin.__setstate__(parts)
        return twin

    def __deepcopy__(self, memo: dict[int, Any]) -> Optimizer:
        """Parameters and state copied as well; what is copied along with them is copied once."""
        parts = self._copied("__deepcopy__", memo)
        twin = type(self).__new__(type(self))
        memo[id(self)] = twin
        twin.__setstate__(parts)
        return twin

    def __repr__(self) -> str:
        groups = "".join(f"\n  {group!r}" for group in self._contents.groups)
        return f"{self._owner}({groups}\n)"


Optimizer.hyperparameters = declare(Optimizer, {})
for _option in fields(Options):
    if not hasattr(Optimizer, _option.name):  # but for `ema` and `mirror`
        setattr(Optimizer, _option.name, OptionView(_option.name))
