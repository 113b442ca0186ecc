"""How does an optimizer's state leave and return? Deep copies out; checked as a whole, then copied, in."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from onepass.arrays import Array
from onepass.checks import check_count, require_keys
from onepass.optimizer.attached import AttachedSchedule
from onepass.optimizer.contents import Contents
from onepass.optimizer.groups import ParamGroup
from onepass.optimizer.state import State
from onepass.rules import RULES

VERSION = 1


def state_dict(optimizer: str, contents: Contents, *, accumulates: bool) -> dict[str, Any]:
    """A deep copy in plain Python and NumPy.

    Args:
        optimizer: the name of its class.
        accumulates: several calls make a step.
    """
    groups: list[dict[str, Any]] = []
    states: dict[int, dict[str, Any]] = {}
    for group in contents.groups:
        first, numbers = len(states), _numbers(group)
        for state in group.states:
            states[len(states)] = {
                name: value.item() if name in numbers else value.copy(order="K") for name, value in state.items()
            }
        entry: dict[str, Any] = {**group.hyperparameters(), "params": list(range(first, len(states)))}
        if group.names:
            entry["names"] = list(group.names)
        if group.attached:
            entry["schedule"] = _saved_schedule(group.attached)
        groups.append(entry)
    saved = {"optimizer": optimizer, "version": VERSION, "state": states, "param_groups": groups}
    if accumulates:
        saved["accumulated"] = {"calls": contents.pending, "found_inf": contents.found_inf}
    return saved


def load_state_dict(optimizer: str, contents: Contents, saved: Mapping[str, Any], *, accumulate: int) -> None:
    """Take over what `state_dict` returned: checked as a whole, then copied.

    Args:
        accumulate: how many calls make a step.

    Raises:
        TypeError, ValueError: naming the entry that does not fit; nothing has changed then.
    """
    owner = f"{optimizer}: state_dict"
    accumulates = accumulate > 1
    wanted = {"optimizer", "version", "state", "param_groups"} | ({"accumulated"} if accumulates else set())
    require_keys(owner, saved, wanted)
    if saved["optimizer"] != optimizer:
        raise ValueError(f"{owner} is of {saved['optimizer']!r}")
    if type(saved["version"]) is not int or not 1 <= saved["version"] <= VERSION:
        raise ValueError(f"{owner} has version {saved['version']!r}; this onepass reads up to {VERSION}")
    groups = saved["param_groups"]
    if not isinstance(groups, list | tuple) or len(groups) != len(contents.groups):
        raise ValueError(f"{owner} must have {len(contents.groups)} param_groups")
    states = saved["state"]
    if not isinstance(states, Mapping) or len(states) != contents.size:
        raise ValueError(f"{owner} must have a state for each of {contents.size} parameters")

    if accumulates:
        _check_accumulated(f"{owner}['accumulated']", saved["accumulated"], accumulate)

    new_values = []
    new_states: list[tuple[State, Mapping[str, Any]]] = []
    used: set[Any] = set()
    for number, (group, entry) in enumerate(zip(contents.groups, groups, strict=True)):
        where = f"{owner}['param_groups'][{number}]"
        hypers = group.hyperparameters()
        optional = {"names"} & entry.keys() if isinstance(entry, Mapping) else set()
        require_keys(where, entry, {*hypers, "params", *optional, *({"schedule"} if group.attached else ())})
        new_values.append(group.checked({name: entry[name] for name in hypers}))
        if group.attached:
            _check_schedule(where, group, group.attached, entry["schedule"])
        for position, index in enumerate(_saved_indices(where, group, entry)):
            here = f"{owner}['state'][{index!r}]"
            if index not in states or index in used:
                raise ValueError(f"{where}['params'] must name each state once, got {index!r}")
            used.add(index)
            live = group.states[position]
            _check_state(here, group, group.params[position], live, states[index])
            new_states.append((live, states[index]))

    for group, values, entry in zip(contents.groups, new_values, groups, strict=True):
        group.commit(values)
        if group.attached:
            _load_schedule(group.attached, entry["schedule"])
    for live, loaded in new_states:
        for name, array in live.items():
            array[...] = loaded[name]
    if accumulates:
        contents.pending = int(saved["accumulated"]["calls"])
        contents.found_inf = saved["accumulated"]["found_inf"]


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


def _load_schedule(attached: AttachedSchedule, saved: Mapping[str, Any]) -> None:
    attached.steps, attached.every = int(saved["steps"]), int(saved["every"])
    attached.base = dict(saved["base"])
    attached.schedule.load_state_dict(saved["state"])


def _saved_indices(where: str, group: ParamGroup, entry: Mapping[str, Any]) -> Sequence[Any]:
    """The saved indices in the order of the group's parameters: by name where both sides have names."""
    indices = entry["params"]
    if not isinstance(indices, list | tuple) or len(indices) != len(group.params):
        raise ValueError(f"{where}['params'] must list {len(group.params)} parameters, got {indices!r}")
    names = entry.get("names")
    if names is None or group.names is None:
        return indices
    if sorted(map(str, names)) != sorted(group.names) or len(names) != len(indices):
        raise ValueError(f"{where}['names'] are {list(names)!r}, the optimizer has {list(group.names)!r}")
    by_name = dict(zip(names, indices, strict=True))
    return [by_name[name] for name in group.names]


def _counts(state: State) -> set[str]:
    """The entries that are int."""
    return {name for name, value in state.items() if value.dtype == np.int64}


def _numbers(group: ParamGroup) -> set[str]:
    """The entries that are one number per parameter."""
    return {"step", "grad_count", "ema_count", *(scalar.name for scalar in RULES[group.rule].scalars)}


def _check_state(where: str, group: ParamGroup, param: Array, live: State, saved: Any) -> None:
    require_keys(where, saved, set(live), _OTHER_OPTIONS)
    for name, own in live.items():
        value = saved[name]
        if name in _counts(live):
            check_count(f"{where}[{name!r}]", value)
        elif name in _numbers(group):
            if not isinstance(value, float) or not math.isfinite(value):
                raise TypeError(f"{where}[{name!r}] must be a finite float, got {value!r}")
        elif not isinstance(value, np.ndarray):
            raise TypeError(f"{where}[{name!r}] must be a numpy.ndarray, got {type(value).__name__}")
        elif value.dtype.newbyteorder("=") != own.dtype:
            raise TypeError(
                f"{where}[{name!r}] has dtype {value.dtype}, the optimizer keeps {own.dtype}; build it with the "
                "state_dtype that was saved"
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


_OTHER_OPTIONS = "; build the optimizer with the state_dtype, rounding, ema and accumulate that were saved"
