"""What do all optimizers share? Groups, state, the step, and its way to disk and back."""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np

from onepass import _core
from onepass.groups import Array, ParamGroup
from onepass.options import Options
from onepass.sparse import SparseRows
from onepass.state_dict import load_state_dict, state_dict
from onepass.storage import new_mirror, new_state, refuse_idle_options, write_mirror

if TYPE_CHECKING:
    from onepass.schedules import Schedule

Params = Array | Iterable[Array] | Mapping[str, Array] | Iterable[Mapping[str, Any]]
Gradient = Array | SparseRows
Gradients = Gradient | Sequence[Gradient | None] | Mapping[str, Gradient | None]
State = dict[str, Array]


@dataclass(frozen=True)
class StepRecord:
    """What a step did.

    Attributes:
        skipped: nothing was updated, because of what was found in the gradients.
        grad_norm: the norm of all gradients together, unscaled and clipped by value, where clip_norm or
            skip_nonfinite asks for it.
        clip_coefficient: by what clip_norm multiplied the gradients.
        pending: how many calls wait for those that complete a step, with `Options.accumulate`; 0 after a step.
    """

    skipped: bool = False
    grad_norm: float | None = None
    clip_coefficient: float | None = None
    pending: int = 0


_APPLIED = StepRecord()


@dataclass
class AttachedSchedule:
    """A schedule at work on one group: it owns the group's learning rate."""

    schedule: Schedule
    group: ParamGroup
    base: dict[str, Any]
    every: int
    steps: int = 0

    def checked(self) -> dict[str, Any]:
        """The group's values for the coming step, without setting them."""
        return self.group.checked(self.schedule.values(self.steps // self.every, self.base))


class Optimizer:
    """Updates arrays in place. Each optimizer is a subclass that names its hyper-parameters and its rules."""

    #: The rules, as in cpp/rules/, that the subclass chooses from.
    rules: ClassVar[tuple[str, ...]]
    #: State that does not start at zero: a number, or the hyper-parameter that it starts from.
    initial: ClassVar[Mapping[str, float | str]] = MappingProxyType({})
    #: Every optimizer, by its name in lower case.
    registry: ClassVar[dict[str, type[Optimizer]]] = {}

    def __init_subclass__(cls) -> None:
        cls.registry[cls.__name__.lower()] = cls

    def __init__(self, params: Params, options: Mapping[str, Any] = MappingProxyType({}), /, **defaults: Any) -> None:
        self._owner = type(self).__name__
        self.options = Options.of(self._owner, options, defaults)
        self._is_plain = self.options.is_plain
        self.defaults = MappingProxyType(defaults)
        self._lock = threading.RLock()
        self._groups: list[ParamGroup] = []
        self._state: list[State] = []
        self._mirror: list[Array] = []
        self._mirror_dtype: str | None = None
        self._pending, self._found_inf = 0, False
        self._schedules: list[AttachedSchedule] = []
        self._bound: Sequence[Gradient | None] | None = None
        self._bare = isinstance(params, np.ndarray)
        for group in _as_groups(self._owner, params):
            self._append(self._new_group(group))
        if not self._state:
            raise ValueError(f"{self._owner}: params is empty; pass at least one array")
        refuse_idle_options(self._owner, self.params, self.options)
        self._take_arrays(options)
        self._plan = self._bind(self._groups, self._state, self._mirror)
        if self._mirror_dtype is None:
            for param, mirror in zip(self.params, self._mirror, strict=False):
                write_mirror(param, mirror)

    @classmethod
    def rule(cls, values: Mapping[str, Any]) -> str:
        """The rule for these hyper-parameters; raises ValueError if they contradict each other."""
        (rule,) = cls.rules
        return rule

    # Parameters and state

    @property
    def param_groups(self) -> tuple[ParamGroup, ...]:
        """The groups; set a hyper-parameter with ``opt.param_groups[0]["lr"] = 5e-4``."""
        return tuple(self._groups)

    @property
    def params(self) -> list[Array]:
        """All parameters, group by group."""
        return [param for group in self._groups for param in group.params]

    @property
    def state(self) -> tuple[Mapping[str, Array], ...]:
        """The state of each parameter: ``step`` and the arrays, named as in torch. The arrays are the live ones."""
        return tuple(MappingProxyType(dict(state)) for state in self._state)

    @property
    def ema(self) -> list[Array] | None:
        """The average of each parameter over the steps, with `Options.ema`; it starts at the first step."""
        return [state["ema"] for state in self._state] if self.options.ema else None

    @property
    def mirror(self) -> list[Array] | None:
        """The copy of each parameter that a step writes, with `Options.mirror`."""
        return list(self._mirror) if self.options.mirror else None

    def add_param_group(self, group: Mapping[str, Any]) -> None:
        """Add parameters, with hyper-parameters of their own where the group names them.

        Args:
            group: ``{"params": ..., "lr": ..., ...}``.

        Raises:
            TypeError, ValueError: as the constructor; the optimizer is then unchanged.
        """
        with self._lock:
            new = self._new_group(group)
            state = self._new_state(new)
            mirror = [*self._mirror, *self._new_mirror(new.params)]
            self._plan = self._bind([*self._groups, new], [*self._state, *state], mirror)
            self._groups.append(new)
            self._state.extend(state)
            self._mirror = mirror
            self._bound, self._bare = None, False

    def _new_group(self, group: Mapping[str, Any]) -> ParamGroup:
        if not isinstance(group, Mapping) or "params" not in group:
            raise ValueError(f"{self._owner}: a parameter group must be a dict with the key 'params', got {group!r}")
        params, names = _as_arrays(self._owner, group["params"])
        if not params:
            raise ValueError(f"{self._owner}: params is empty; pass at least one array")
        given = {key: value for key, value in group.items() if key != "params"}
        if unknown := given.keys() - self.defaults.keys():
            raise TypeError(
                f"{self._owner}: unknown hyper-parameter {', '.join(map(repr, sorted(unknown)))} in a parameter group; "
                f"known are {', '.join(self.defaults)}"
            )
        return ParamGroup(self._owner, {**self.defaults, **given}, self.rule, params, names)

    def _append(self, group: ParamGroup) -> None:
        self._groups.append(group)
        self._state.extend(self._new_state(group))

    def _new_state(self, group: ParamGroup) -> list[State]:
        for index, param in enumerate(group.params):
            _core.require_updatable(self._owner, self._label(len(self._state) + index, group, index), param)
        return [new_state(self._owner, group, param, self.initial, self.options) for param in group.params]

    def _take_arrays(self, options: Mapping[str, Any]) -> None:
        """The arrays of the options `ema` and `mirror`: the caller's, or new ones."""
        if self.options.ema and not isinstance(options["ema"], bool | np.bool_):
            for state, array in zip(self._state, self._given_arrays("ema", options["ema"]), strict=True):
                state["ema"] = array
        if self.options.mirror and isinstance(options["mirror"], str):
            self._mirror_dtype = options["mirror"]
            self._mirror = self._new_mirror(self.params)
        elif self.options.mirror:
            self._mirror = self._given_arrays("mirror", options["mirror"])

    def _given_arrays(self, what: str, given: Gradients) -> list[Array]:
        arrays = self._as_params_were_given(self._owner, what, given)
        if len(arrays) != len(self._state):
            raise ValueError(f"{self._owner}: {what} has {len(arrays)} arrays for {len(self._state)} parameters")
        if any(array is None for array in arrays):
            raise TypeError(f"{self._owner}: {what} must have an array for every parameter, got None")
        return [cast(Array, array) for array in arrays]

    def _new_mirror(self, params: Sequence[Array]) -> list[Array]:
        if not self.options.mirror:
            return []
        if self._mirror_dtype is None:
            raise ValueError(
                f"{self._owner}: mirror was given as arrays, and there is none for a new parameter; give it as a dtype"
            )
        return [new_mirror(self._owner, param, self._mirror_dtype) for param in params]

    @staticmethod
    def _label(position: int, group: ParamGroup, index: int) -> str:
        return f"{position} ({group.names[index]!r})" if group.names else str(position)

    def _bind(self, groups: Sequence[ParamGroup], states: Sequence[State], mirrors: Sequence[Array]) -> _core.Plan:
        all_names = [name for group in groups for name in group.names or ()]
        if len(set(all_names)) < len(all_names):
            twice = next(name for name in all_names if all_names.count(name) > 1)
            raise ValueError(f"{self._owner}: two parameters are named {twice!r}")
        tensors: list[tuple[Any, ...]] = []
        for number, group in enumerate(groups):
            for index, param in enumerate(group.params):
                label = self._label(len(tensors), group, index)
                mirror = mirrors[len(tensors)] if mirrors else None
                tensors.append((label, number, param, states[len(tensors)], mirror))
        values = [(group.rule, group.kernel_values) for group in groups]
        return _core.Plan(self._owner, "step", values, tensors, self.options.core_rounding())

    # Steps

    def step(self, gradients: Gradients | None = None, *, found_inf: Any = None, **options: Any) -> StepRecord:
        """Update every parameter that has a gradient, in one pass.

        Args:
            gradients: as the parameters were given: one array, a sequence or a dict. None in the place of an array
                leaves that parameter, its state and its step count as they are. Without an argument the gradients
                bound by `bind_gradients` are used. They are only read, unless ``zero_grad`` sets them to zero. Their
                dtype is that of the parameter or float32; float32 parameters also take those of 16 bits.
            found_inf: anything but 0, NaN included, skips the step: what a gradient scaler has found.
            options: those of `Options` that hold for this step alone.

        Returns:
            A `StepRecord`.

        Raises:
            TypeError, ValueError: naming the gradient and what is wrong with it; nothing has changed then.
            RuntimeError: another thread is in `step` of this optimizer.
        """
        if not self._lock.acquire(blocking=False):
            raise RuntimeError(f"{self._owner}: step() is already running on this optimizer in another thread")
        try:
            if type(gradients) is not list and type(gradients) is not tuple:
                gradients = self._in_order("step", gradients)
            if self._schedules:
                return self._scheduled_step(gradients, found_inf, options)
            return self._step(gradients, found_inf, options)
        finally:
            self._lock.release()

    def _step(self, gradients: Sequence[Gradient | None], found_inf: Any, changes: Mapping[str, Any]) -> StepRecord:
        if self._is_plain and not changes and found_inf is None:
            self._plan.step(gradients)
            return _APPLIED
        options = self.options.for_step("step", changes) if changes else self.options
        core = options.core_options()
        found = self._found_inf or _is_found(found_inf)
        core.completes = self._pending + 1 == options.accumulate
        core.skip = found and core.completes
        skipped, norm, coefficient = self._plan.step_with(gradients, core)
        self._pending = 0 if core.completes else self._pending + 1
        self._found_inf = found and not core.completes
        if self._pending:
            return StepRecord(pending=self._pending)
        return StepRecord(
            skipped,
            norm if options.measures_norm else None,
            coefficient if options.clip_norm is not None else None,
        )

    def _scheduled_step(
        self, gradients: Sequence[Gradient | None], found_inf: Any, changes: Mapping[str, Any]
    ) -> StepRecord:
        coming = [attached.checked() for attached in self._schedules]
        before = [attached.group.hyperparameters() for attached in self._schedules]
        for attached, values in zip(self._schedules, coming, strict=True):
            attached.group.commit(values)
        applied = False
        try:
            record = self._step(gradients, found_inf, changes)
            applied = not record.skipped and not record.pending
        finally:
            for attached, values in zip(self._schedules, before, strict=True):
                if applied:
                    attached.steps += 1
                else:
                    attached.group.commit(values)
        return record

    def bind_gradients(self, gradients: Gradients) -> None:
        """Keep these gradient arrays, so that ``step()`` without an argument reads them.

        Args:
            gradients: as for `step`; write new gradients into the same arrays.

        Raises:
            TypeError, ValueError: as `step`; the binding is then unchanged.
        """
        with self._lock:
            ordered = list(self._in_order("bind_gradients", gradients))
            self._plan.check(ordered)
            self._bound = ordered

    def _in_order(self, caller: str, gradients: Gradients | None) -> Sequence[Gradient | None]:
        if gradients is None:
            if self._bound is None:
                raise ValueError(f"{caller}: gradients are missing; pass them, or bind_gradients(...) once")
            return self._bound
        return self._as_params_were_given(caller, "gradients", gradients)

    def _as_params_were_given(self, caller: str, what: str, given: Gradients) -> Sequence[Gradient | None]:
        """One array, a sequence or a dict, in the order of the parameters."""
        if isinstance(given, np.ndarray | SparseRows):
            if not self._bare:
                raise TypeError(f"{caller}: {what} must be given as the parameters were, not as one array")
            return [given]
        if isinstance(given, Mapping):
            names = [name for group in self._groups for name in group.names or ()]
            if len(names) != len(self._state):
                raise TypeError(f"{caller}: {what} is a dict, but the parameters were given without names")
            if unknown := given.keys() - set(names):
                raise ValueError(f"{caller}: there is no parameter {', '.join(map(repr, sorted(unknown)))}")
            if missing := [name for name in names if name not in given]:
                hint = "; pass None to leave it out" if what == "gradients" else ""
                raise ValueError(f"{caller}: {what} has nothing for {', '.join(map(repr, missing))}{hint}")
            return [given[name] for name in names]
        if isinstance(given, list | tuple):
            return given
        raise TypeError(f"{caller}: {what} must be an array, a list or a dict, got {type(given).__name__}")

    # Schedules

    def attach_schedule(self, schedule: Schedule, group: int | None = None, *, every: int = 1) -> None:
        """Let a schedule set the learning rate before each step; `Schedule.attach` calls this.

        Args:
            schedule: computes the hyper-parameters from the step number and from their values now.
            group: index of the group, or None for all.
            every: steps between advances, such as the number of batches in an epoch.
        """
        if not isinstance(every, int) or isinstance(every, bool) or every < 1:
            raise ValueError(f"{self._owner}: every must be a positive int, got {every!r}")
        with self._lock:
            chosen = self._groups if group is None else [self._groups[group]]
            attached = [AttachedSchedule(schedule, one, one.hyperparameters(), every) for one in chosen]
            for one, values in zip(attached, [one.checked() for one in attached], strict=True):
                one.group.commit(values)
            self._schedules = [old for old in self._schedules if all(old.group is not one for one in chosen)] + attached

    # Copies

    def state_dict(self) -> dict[str, Any]:
        """A deep copy of the state and the hyper-parameters, in plain Python and NumPy.

        ``{"optimizer", "version", "state": {i: {"step", "exp_avg", ...}}, "param_groups": [{"lr", ..., "params"}]}``
        """
        with self._lock:
            return state_dict(self)

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over a `state_dict`: checked as a whole, then copied; the argument is only read.

        Parameters are matched by name where both sides have names, else by position.

        Raises:
            TypeError, ValueError: naming the entry that does not fit; the optimizer is then unchanged.
        """
        with self._lock:
            load_state_dict(self, state_dict)

    def __getstate__(self) -> dict[str, Any]:
        with self._lock:
            return {
                "defaults": dict(self.defaults),
                "groups": [(group.hyperparameters(), list(group.params), group.names) for group in self._groups],
                "options": self.options,
                "state": [dict(state) for state in self._state],
                "mirror": (list(self._mirror), self._mirror_dtype),
                "pending": (self._pending, self._found_inf),
                "schedules": [
                    (one.schedule, self._groups.index(one.group), one.base, one.every, one.steps)
                    for one in self._schedules
                ],
                "bare": self._bare,
            }

    def __setstate__(self, saved: dict[str, Any]) -> None:
        self._owner = type(self).__name__
        self.defaults = MappingProxyType(saved["defaults"])
        self._lock = threading.RLock()
        self._groups = [
            ParamGroup(self._owner, values, self.rule, tuple(params), names)
            for values, params, names in saved["groups"]
        ]
        self.options = saved["options"]
        self._is_plain = self.options.is_plain
        self._state = saved["state"]
        self._mirror, self._mirror_dtype = saved["mirror"]
        self._pending, self._found_inf = saved["pending"]
        self._schedules = [
            AttachedSchedule(schedule, self._groups[group], base, every, steps)
            for schedule, group, base, every, steps in saved["schedules"]
        ]
        self._bound, self._bare = None, saved["bare"]
        self._plan = self._bind(self._groups, self._state, self._mirror)

    def __copy__(self) -> Optimizer:
        """The same parameters with an independent copy of the state."""
        twin = type(self).__new__(type(self))
        saved = self.__getstate__()
        twin.__setstate__(
            {**saved, "state": copy.deepcopy(saved["state"]), "schedules": copy.deepcopy(saved["schedules"])}
        )
        return twin

    def __repr__(self) -> str:
        groups = "".join(f"\n  {group!r}" for group in self._groups)
        return f"{self._owner}({groups}\n)"


def _is_found(found_inf: Any) -> bool:
    """Whether a gradient scaler's number says that the gradients are of no use: anything but zero does."""
    if found_inf is None:
        return False
    number = np.asarray(found_inf)
    if number.size != 1 or number.dtype.kind not in "biuf":
        raise TypeError(f"step: found_inf must be a number or an array of one, got {found_inf!r}")
    return not bool(number.reshape(()) == 0)


def _as_groups(owner: str, params: Params) -> list[Mapping[str, Any]]:
    if isinstance(params, np.ndarray | Mapping):
        return [{"params": params}]
    if isinstance(params, str | bytes) or not isinstance(params, Iterable):
        raise TypeError(
            f"{owner}: params must be an array, a sequence or dict of arrays, or group dicts, got {params!r}"
        )
    items: list[Any] = list(params)
    if items and all(isinstance(item, Mapping) for item in items):
        return items
    return [{"params": items}]


def _as_arrays(owner: str, params: Any) -> tuple[tuple[Array, ...], tuple[str, ...] | None]:
    if isinstance(params, np.ndarray):
        return (params,), None
    if isinstance(params, Mapping):
        if bad := [name for name in params if not isinstance(name, str)]:
            raise TypeError(f"{owner}: parameter names must be strings, got {bad[0]!r}")
        return tuple(params.values()), tuple(params)
    if isinstance(params, str | bytes) or not isinstance(params, Iterable):
        raise TypeError(f"{owner}: params must be an array, or a sequence or dict of arrays, got {params!r}")
    return tuple(params), None
