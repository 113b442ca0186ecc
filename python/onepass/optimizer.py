"""What do all optimizers share? Groups, state, the step, and its way to disk and back."""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from onepass import _core
from onepass.groups import Array, ParamGroup
from onepass.state_dict import load_state_dict, state_dict

if TYPE_CHECKING:
    from onepass.schedules import Schedule

Params = Array | Iterable[Array] | Mapping[str, Array] | Iterable[Mapping[str, Any]]
Gradients = Array | Sequence[Array | None] | Mapping[str, Array | None]
State = Mapping[str, Array]


@dataclass(frozen=True)
class StepRecord:
    """What a step did.

    Attributes:
        skipped: the step was not applied.
        grad_norm: the global norm of the gradients, when an option asked for it.
    """

    skipped: bool = False
    grad_norm: float | None = None


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

    def __init__(self, params: Params, **defaults: Any) -> None:
        self._owner = type(self).__name__
        self.defaults = MappingProxyType(defaults)
        self._lock = threading.RLock()
        self._groups: list[ParamGroup] = []
        self._state: list[State] = []
        self._schedules: list[AttachedSchedule] = []
        self._bound: Sequence[Array | None] | None = None
        self._bare = isinstance(params, np.ndarray)
        for group in _as_groups(self._owner, params):
            self._append(self._new_group(group))
        if not self._state:
            raise ValueError(f"{self._owner}: params is empty; pass at least one array")
        self._plan = self._bind(self._groups, self._state)

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
    def state(self) -> tuple[State, ...]:
        """The state of each parameter: ``step`` and the arrays, named as in torch. The arrays are the live ones."""
        return tuple(MappingProxyType(dict(state)) for state in self._state)

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
            self._plan = self._bind([*self._groups, new], [*self._state, *state])
            self._groups.append(new)
            self._state.extend(state)
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
        _, slots, scalars = _core.rules()[group.rule]

        def start(name: str) -> float:
            value = self.initial.get(name, 0.0)
            return group[value] if isinstance(value, str) else value

        def state_of(param: Array) -> State:
            state: dict[str, Array] = {"step": np.array(0, dtype=np.int64)}
            state |= {name: np.array(start(name), dtype=np.float64) for name in scalars}
            for name in slots:
                state[name] = np.zeros_like(param, subok=False)
                if value := start(name):
                    state[name][...] = value
            return state

        for index, param in enumerate(group.params):
            _core.require_updatable(self._owner, self._label(len(self._state) + index, group, index), param)
        return [state_of(param) for param in group.params]

    @staticmethod
    def _label(position: int, group: ParamGroup, index: int) -> str:
        return f"{position} ({group.names[index]!r})" if group.names else str(position)

    def _bind(self, groups: Sequence[ParamGroup], states: Sequence[State]) -> _core.Plan:
        all_names = [name for group in groups for name in group.names or ()]
        if len(set(all_names)) < len(all_names):
            twice = next(name for name in all_names if all_names.count(name) > 1)
            raise ValueError(f"{self._owner}: two parameters are named {twice!r}")
        rules = _core.rules()
        tensors: list[tuple[Any, ...]] = []
        for number, group in enumerate(groups):
            _, slots, scalars = rules[group.rule]
            for index, param in enumerate(group.params):
                state = states[len(tensors)]
                label = self._label(len(tensors), group, index)
                arrays = [state[name] for name in slots]
                tensors.append((label, number, param, arrays, state["step"], [state[name] for name in scalars]))
        return _core.Plan(self._owner, "step", [(group.rule, group.kernel_values) for group in groups], tensors)

    # Steps

    def step(self, gradients: Gradients | None = None) -> StepRecord:
        """Update every parameter that has a gradient, in one pass.

        Args:
            gradients: as the parameters were given: one array, a sequence or a dict. None in the place of an array
                leaves that parameter, its state and its step count as they are. Without an argument the gradients
                bound by `bind_gradients` are used. They are only read.

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
                self._scheduled_step(gradients)
            else:
                self._plan.step(gradients)
            return _APPLIED
        finally:
            self._lock.release()

    def _scheduled_step(self, gradients: Sequence[Array | None]) -> None:
        coming = [attached.checked() for attached in self._schedules]
        before = [attached.group.hyperparameters() for attached in self._schedules]
        for attached, values in zip(self._schedules, coming, strict=True):
            attached.group.commit(values)
        try:
            self._plan.step(gradients)
        except BaseException:
            for attached, values in zip(self._schedules, before, strict=True):
                attached.group.commit(values)
            raise
        for attached in self._schedules:
            attached.steps += 1

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

    def _in_order(self, caller: str, gradients: Gradients | None) -> Sequence[Array | None]:
        if gradients is None:
            if self._bound is None:
                raise ValueError(f"{caller}: gradients are missing; pass them, or bind_gradients(...) once")
            return self._bound
        if isinstance(gradients, np.ndarray):
            if not self._bare:
                raise TypeError(f"{caller}: gradients must be given as the parameters were, not as one array")
            return [gradients]
        if isinstance(gradients, Mapping):
            names = [name for group in self._groups for name in group.names or ()]
            if len(names) != len(self._state):
                raise TypeError(f"{caller}: gradients is a dict, but the parameters were given without names")
            if unknown := gradients.keys() - set(names):
                raise ValueError(f"{caller}: there is no parameter {', '.join(map(repr, sorted(unknown)))}")
            if missing := [name for name in names if name not in gradients]:
                raise ValueError(
                    f"{caller}: the gradient of {', '.join(map(repr, missing))} is missing; pass None to leave it out"
                )
            return [gradients[name] for name in names]
        if isinstance(gradients, list | tuple):
            return gradients
        raise TypeError(f"{caller}: gradients must be an array, a list or a dict, got {type(gradients).__name__}")

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
                "state": [dict(state) for state in self._state],
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
        self._state = saved["state"]
        self._schedules = [
            AttachedSchedule(schedule, self._groups[group], base, every, steps)
            for schedule, group, base, every, steps in saved["schedules"]
        ]
        self._bound, self._bare = None, saved["bare"]
        self._plan = self._bind(self._groups, self._state)

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
