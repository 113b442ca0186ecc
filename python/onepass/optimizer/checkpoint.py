"""How does an optimizer's state leave and return? Deep copies out; checked as a whole, then copied, in."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from onepass.arrays import Array
from onepass.checks import check_count, require_keys
from onepass.optimizer.attached import AttachedSchedule
from onepass.optimizer.contents import Contents
from onepass.optimizer.groups import ParamGroup
from onepass.optimizer.state import State, with_variance
from onepass.rules import RULES

VERSION = 1


#: What a state calls its parameter, where that is kept along with it.
PARAM = "param"


#: Hyper-parameters that states do not have which were saved before there were any.
_NEWER = {"cautious", "cautious_decay"}


def state_dict(
    optimizer: str, contents: Contents, *, accumulates: bool, copies: bool = True, params: bool = False
) -> dict[str, Any]:
    """All of it in plain Python and NumPy.

    Args:
        optimizer: the name of its class.
        accumulates: several calls make a step.
        copies: of the arrays; without it, they are the live ones.
        params: each state has its parameter, too.
    """

    def taken(array: Array) -> Array:
        return array.copy(order="K") if copies else array

    groups: list[dict[str, Any]] = []
    states: dict[int, dict[str, Any]] = {}
    for group in contents.groups:
        first, numbers = len(states), _numbers(group)
        for param, state in zip(group.params, group.states, strict=True):
            own = {name: value.item() if name in numbers else taken(value) for name, value in state.items()}
            states[len(states)] = own | ({PARAM: taken(param)} if params else {})
        entry: dict[str, Any] = {**group.hyperparameters(), "params": list(range(first, len(states)))}
        if group.names:
            entry["names"] = list(group.names)
        if group.attached:
            entry["schedule"] = _saved_schedule(group.attached)
        groups.append(entry)
    saved = {"optimizer": optimizer, "version": VERSION, "state": states, "param_groups": groups}
    if accumulates:
        saved["accumulated"] = {"calls": contents.plan.pending, "found_inf": contents.plan.found_inf}
    return saved


def loading(
    optimizer: str,
    contents: Contents,
    saved: Mapping[str, Any],
    *,
    accumulate: int,
    schedules: bool,
    params: bool = False,
) -> Callable[[], None]:
    """What takes over a `state_dict` when it is called: it is read once and checked as a whole before.

    Args:
        accumulate: how many calls make a step.
        schedules: also take over where the schedules stand.
        params: each state has its parameter, which is taken over, too.

    Raises:
        TypeError, ValueError: naming the entry that does not fit; nothing has changed then.
    """
    owner = f"{optimizer}: state_dict"
    accumulates = accumulate > 1
    saved = _taken(saved, {id(_memory(array)) for state in contents.states for array in state.values()})
    wanted = {"optimizer", "version", "state", "param_groups"} | ({"accumulated"} if accumulates else set())
    require_keys(owner, saved, wanted)
    if saved["optimizer"] != optimizer:
        raise ValueError(f"{owner} is of {saved['optimizer']!r}")
    if type(saved["version"]) is not int or not 1 <= saved["version"] <= VERSION:
        raise ValueError(f"{owner} has version {saved['version']!r}; this onepass reads up to {VERSION}")
    states = saved["state"]
    if not isinstance(states, Mapping) or len(states) != contents.size:
        raise ValueError(f"{owner} must have a state for each of {contents.size} parameters")
    if accumulates:
        _check_accumulated(f"{owner}['accumulated']", saved["accumulated"], accumulate)

    states = {key: with_variance(state) for key, state in states.items()}
    sources = list(_sources(owner, contents, saved["param_groups"]))
    new_values = []
    used: set[Any] = set()
    for group, source in zip(contents.groups, sources, strict=True):
        hypers = group.in_force
        where, entry = source.where, dict.fromkeys(_NEWER & hypers.keys(), False) | dict(source.entry)
        wanted = {*hypers, "params", *({"names"} & entry.keys())}
        wanted |= ({"schedule"} if group.attached else set()) if schedules else {"schedule"} & entry.keys()
        require_keys(where, entry, wanted)
        new_values.append(group.checked({name: entry[name] for name in hypers}))
        if schedules and group.attached:
            _check_schedule(where, group, group.attached, entry["schedule"])
        for live, param, index in zip(group.states, group.params, source.indices, strict=True):
            key = _key(states, index)
            if key not in states or key in used:
                raise ValueError(f"{where}['params'] must name each state once, got {index!r}")
            used.add(key)
            _check_state(f"{owner}['state'][{key!r}]", group, param, _written(live, param, params), states[key])
            if accumulates and states[key]["grad_count"] > saved["accumulated"]["calls"]:
                raise ValueError(
                    f"{owner}['state'][{key!r}]['grad_count'] must be at most the calls that wait, which are "
                    f"{saved['accumulated']['calls']}, got {states[key]['grad_count']}"
                )

    def copy() -> None:
        for group, values, source in zip(contents.groups, new_values, sources, strict=True):
            group.commit(values, values)
            if schedules and group.attached:
                _load_schedule(group, group.attached, source.entry["schedule"])
            for live, param, index in zip(group.states, group.params, source.indices, strict=True):
                state = states[_key(states, index)]
                for name, array in _written(live, param, params).items():
                    array[...] = state[name]
        if accumulates:
            contents.plan.pending = saved["accumulated"]["calls"]
            contents.plan.found_inf = saved["accumulated"]["found_inf"]

    def commit() -> None:
        try:
            copy()
        except BaseException:  # the handler of a signal, or no memory for a moment: nothing is left half done
            copy()
            raise

    return commit


def _key(states: Mapping[Any, Any], index: Any) -> Any:
    """What the state of that index is found by: JSON has no keys but strings."""
    return index if index in states else str(index)


def _written(state: State, param: Array, params: bool) -> State:
    """What is taken over of a parameter's state."""
    return {**state, PARAM: param} if params else state


def _memory(array: Array) -> Array:
    """The array that owns the memory."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def _taken(value: Any, live: set[int]) -> Any:
    """What was given, read once, and apart from the memory that is to be written."""
    if isinstance(value, Mapping):
        return {key: _taken(one, live) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_taken(one, live) for one in value]
    if isinstance(value, np.ndarray) and id(_memory(value)) in live:
        return value.copy(order="K")
    return value


@dataclass(frozen=True)
class _Source:
    """Where a group finds its hyper-parameters and the states of its parameters."""

    where: str
    entry: Any
    indices: Sequence[Any]


def _sources(owner: str, contents: Contents, groups: Any) -> Iterator[_Source]:
    """For each group its source: by name where all parameters have names on both sides, else by position."""
    if not isinstance(groups, list) or not groups:
        raise ValueError(f"{owner}['param_groups'] must be a list of dicts")
    found = [_source(f"{owner}['param_groups'][{number}]", entry) for number, entry in enumerate(groups)]
    own = contents.names
    if own is not None and all("names" in source.entry for source in found):
        yield from _by_name(owner, contents, found, own)
        return
    if len(found) != len(contents.groups):
        raise ValueError(f"{owner} must have {len(contents.groups)} param_groups")
    for group, source in zip(contents.groups, found, strict=True):
        if len(source.indices) != len(group.params):
            raise ValueError(
                f"{source.where}['params'] must list {len(group.params)} parameters, got {list(source.indices)!r}"
            )
        yield source


def _source(where: str, entry: Any) -> _Source:
    if not isinstance(entry, Mapping) or not isinstance(entry.get("params"), list):
        raise ValueError(f"{where} must be a dict with a list 'params'")
    indices = entry["params"]
    if not indices:
        raise ValueError(f"{where}['params'] is empty; every group has parameters")
    if bad := [index for index in indices if not isinstance(index, int | str) or isinstance(index, bool)]:
        raise TypeError(f"{where}['params'] must be ints, got {bad[0]!r}")
    names = entry.get("names", [""] * len(indices))
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise TypeError(f"{where}['names'] must be a list of strings, got {names!r}")
    if len(names) != len(indices):
        raise ValueError(f"{where}['names'] must be {len(indices)} strings, got {names!r}")
    return _Source(where, entry, indices)


def _by_name(owner: str, contents: Contents, found: Sequence[_Source], own: Sequence[str]) -> Iterator[_Source]:
    """Groups may have been cut otherwise, as long as the parameters of one had the same hyper-parameters."""
    by_name = {
        name: (source, i) for source in found for i, name in zip(source.indices, source.entry["names"], strict=True)
    }
    if by_name.keys() != set(own) or sum(len(source.indices) for source in found) != len(own):
        saved = [name for source in found for name in source.entry["names"]]
        raise ValueError(f"{owner} has the names {saved!r}, the optimizer has {list(own)!r}")
    for group in contents.groups:
        names = group.names or ()
        first, _ = by_name[names[0]]
        for name in names:
            source, _ = by_name[name]
            if source is not first and _without_names(source.entry) != _without_names(first.entry):
                raise ValueError(
                    f"{owner}: {names[0]!r} and {name!r} were saved with other hyper-parameters, and are in one group "
                    "here; give them groups of their own"
                )
        yield _Source(first.where, first.entry, [by_name[name][1] for name in names])


def _without_names(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if key not in ("params", "names")}


def _saved_schedule(attached: AttachedSchedule) -> dict[str, Any]:
    return {
        "name": type(attached.schedule).__name__,
        "steps": attached.steps,
        "every": attached.every,
        "base": dict(attached.base),
        "state": attached.schedule.state_dict(),
    }


def _check_schedule(where: str, group: ParamGroup, attached: AttachedSchedule, saved: Any) -> None:
    where = f"{where}['schedule']"
    require_keys(where, saved, {"name", "steps", "every", "base", "state"})
    if saved["name"] != type(attached.schedule).__name__:
        raise ValueError(f"{where} is a {saved['name']!r}, but a {type(attached.schedule).__name__} is attached")
    check_count(f"{where}['steps']", saved["steps"])
    check_count(f"{where}['every']", saved["every"], least=1)
    require_keys(f"{where}['base']", saved["base"], set(attached.base))
    group.checked(saved["base"])
    attached.schedule.check_state_dict(saved["state"])


def _load_schedule(group: ParamGroup, attached: AttachedSchedule, saved: Mapping[str, Any]) -> None:
    attached.since, attached.every = attached.plan.applied - int(saved["steps"]), int(saved["every"])
    attached.base = group.checked(saved["base"])
    attached.schedule.load_state_dict(saved["state"])


def _counts(state: State) -> set[str]:
    """The entries that are int."""
    return {name for name, value in state.items() if value.dtype == np.int64}


def _numbers(group: ParamGroup) -> set[str]:
    """The entries that are one number per parameter."""
    return {"step", "grad_count", "ema_count", *(scalar.name for scalar in RULES[group.rule].scalars)}


def _check_state(where: str, group: ParamGroup, param: Array, live: State, saved: Any) -> None:
    unasked = {PARAM} & saved.keys() if isinstance(saved, Mapping) else set()
    lacks_param = PARAM in live and not unasked
    require_keys(where, saved, live.keys() | unasked, _WITHOUT_PARAMS if lacks_param else _OTHER_OPTIONS)
    second_moments = {slot.name for slot in RULES[group.rule].slots_beside(param.ndim) if slot.kind == "second_moment"}
    for name, own in live.items():
        value = saved[name]
        if name in _counts(live):
            check_count(f"{where}[{name!r}]", value)
        elif name in _numbers(group):
            if not isinstance(value, float) or not math.isfinite(value):
                raise TypeError(f"{where}[{name!r}] must be a finite float, got {value!r}")
        elif not isinstance(value, np.ndarray) or isinstance(value, np.ma.MaskedArray):
            raise TypeError(f"{where}[{name!r}] must be a plain numpy.ndarray, got {type(value).__name__}")
        elif value.dtype.newbyteorder("=") != own.dtype:
            raise TypeError(
                f"{where}[{name!r}] has dtype {value.dtype}, the optimizer keeps {own.dtype}; build it with "
                f"{'parameters of the dtype' if name == PARAM else 'the state_dtype'} that was saved"
            )
        elif value.shape != own.shape:
            raise ValueError(
                f"{where}[{name!r}] has shape {value.shape}, which must be {own.shape}; its parameter has {param.shape}"
            )
        elif own.dtype == np.uint8 and not _lie_alike(value, own):
            raise ValueError(
                f"{where}[{name!r}] lies in memory in another order than its parameter, and neighbours in memory share "
                "a scale; build the optimizer with arrays in the order that was saved"
            )
        elif not own.flags.writeable:
            raise ValueError(f"{where}[{name!r}] belongs to an array that has become read-only; make it writeable")
        elif name in second_moments and own.dtype != np.uint8 and _has_negative(value):
            raise ValueError(f"{where}[{name!r}] must not be negative")


def _has_negative(array: Array) -> bool:
    """Looked at in pieces, so that the answers for all elements are never there at once."""
    flat, piece = array.ravel(order="K"), 2**16
    return any(bool(np.any(flat[start : start + piece] < 0)) for start in range(0, flat.size, piece))


def _lie_alike(one: Array, other: Array) -> bool:
    a, b = one.flags, other.flags
    return (a.c_contiguous and b.c_contiguous) or (a.f_contiguous and b.f_contiguous)


def _check_accumulated(where: str, saved: Any, calls: int) -> None:
    require_keys(where, saved, {"calls", "found_inf"})
    check_count(f"{where}['calls']", saved["calls"])
    if saved["calls"] >= calls:
        raise ValueError(f"{where}['calls'] must be less than accumulate, which is {calls}, got {saved['calls']!r}")
    if not isinstance(saved["found_inf"], bool):
        raise TypeError(f"{where}['found_inf'] must be True or False, got {saved['found_inf']!r}")


_WITHOUT_PARAMS = "; it was saved without parameters: set them yourself, and pass params=False"
_OTHER_OPTIONS = "; build the optimizer with the state_dtype, rounding, ema and accumulate that were saved"
