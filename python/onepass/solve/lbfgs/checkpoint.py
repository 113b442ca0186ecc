"""How does the state of LBFGS leave and return? Deep copies out; checked as a whole, then copied, in."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from onepass.arrays import Array
from onepass.checks import Integer, require_keys
from onepass.solve.lbfgs.parameters import Parameters
from onepass.solve.lbfgs.settings import Group
from onepass.solve.lbfgs.state import State
from onepass.solve.smooth.lbfgs import Memory

VERSION = 1
COUNTS = ("n_iter", "func_evals")
NUMBERS = ("step", "gamma")
ARRAYS = ("ds", "ys", "middle", "d", "g")


def saved_state(params: Parameters, group: Group, state: State, *, with_params: bool) -> dict[str, Any]:
    """What `LBFGS.state_dict` returns."""
    memory, room = state.memory, np.empty((0, params.size), params.dtype)
    saved = {
        "n_iter": state.n_iter,
        "func_evals": state.func_evals,
        "step": state.step,
        "gamma": memory.gamma,
        "oldest": memory.oldest_slot,
        "ds": np.stack(memory.ds) if memory else room,
        "ys": np.stack(memory.ys) if memory else room,
        "middle": memory.middle.copy(),
        "d": None if state.d is None else state.d.copy(),
        "g": None if state.g is None else state.g.copy(),
    }
    if with_params:
        saved["param"] = [array.copy() for array in params.arrays]
    entry = {**group.values_by_name(), "params": list(range(len(params.arrays))), "shapes": params.shapes}
    if params.names:
        entry["names"] = list(params.names)
    return {"optimizer": "LBFGS", "version": VERSION, "state": saved, "param_groups": [entry]}


def loaded_state(
    params: Parameters, group: Group, saved: Mapping[str, Any], *, with_params: bool
) -> tuple[dict[str, Any], State, Array | None]:
    """The settings, the state and all parameters that `LBFGS.load_state_dict` takes over; nothing changes here."""
    owner = "LBFGS: state_dict"
    require_keys(owner, saved, {"optimizer", "version", "state", "param_groups"})
    if saved["optimizer"] != "LBFGS":
        raise ValueError(f"{owner} is of {saved['optimizer']!r}")
    if type(saved["version"]) is not int or not 1 <= saved["version"] <= VERSION:
        raise ValueError(f"{owner} has version {saved['version']!r}; this onepass reads up to {VERSION}")
    settings = _checked_group(f"{owner}['param_groups']", params, group, saved["param_groups"])
    entries = saved["state"]
    state = State(_checked_memory(f"{owner}['state']", params, group["history_size"], entries))
    state.n_iter, state.func_evals = int(entries["n_iter"]), int(entries["func_evals"])
    state.step = float(entries["step"])
    if entries["d"] is not None:
        state.d, state.g = (_copy(entries[name], params) for name in ("d", "g"))
    return settings, state, _checked_params(f"{owner}['state']['param']", params, entries) if with_params else None


def _checked_group(where: str, params: Parameters, own: Group, groups: Any) -> dict[str, Any]:
    if not isinstance(groups, list | tuple) or len(groups) != 1:
        raise ValueError(f"{where} must be a list of one dict")
    group, where = groups[0], f"{where}[0]"
    names_of_settings = own.values_by_name().keys()
    optional = {"names"} & group.keys() if isinstance(group, Mapping) else set()
    require_keys(where, group, {*names_of_settings, "params", "shapes", *optional})
    if not isinstance(group["shapes"], list) or [*map(list, group["shapes"])] != [*map(list, params.shapes)]:
        raise ValueError(f"{where}['shapes'] are {group['shapes']}, those of the parameters are {params.shapes}")
    names = group.get("names")
    if names and params.names and list(names) != list(params.names):
        raise ValueError(f"{where}['names'] are {list(names)}, those of the parameters are {list(params.names)}")
    return own.checked({name: group[name] for name in names_of_settings})


def _checked_memory(where: str, params: Parameters, room: int, state: Any) -> Memory:
    unasked = {"param"} & state.keys() if isinstance(state, Mapping) else set()
    require_keys(where, state, {*COUNTS, *NUMBERS, *ARRAYS, "oldest", *unasked})
    for name in (*COUNTS, "oldest"):
        Integer(0).check("LBFGS", f"{where.removeprefix('LBFGS: ')}[{name!r}]", state[name])
    for name in NUMBERS:
        if not isinstance(state[name], float) or not math.isfinite(state[name]):
            raise TypeError(f"{where}[{name!r}] must be a finite float, got {state[name]!r}")
    size, dtype = params.size, params.dtype
    count = len(state["ds"]) if isinstance(state["ds"], np.ndarray) and state["ds"].ndim else 0
    if count > room:
        raise ValueError(f"{where}['ds'] has {count} rows, history_size is {room}")
    wanted: dict[str, tuple[tuple[int, ...], Any]] = {
        "ds": ((count, size), dtype),
        "ys": ((count, size), dtype),
        "middle": (Memory.shape(room), np.dtype(np.float64)),
    }
    if state["d"] is not None or state["g"] is not None:
        wanted |= {"d": ((size,), dtype), "g": ((size,), dtype)}
    for name, (shape, kind) in wanted.items():
        value = state[name]
        if not isinstance(value, np.ndarray):
            raise TypeError(f"{where}[{name!r}] must be a numpy.ndarray, got {type(value).__name__}")
        if value.dtype.newbyteorder("=") != kind:
            raise TypeError(f"{where}[{name!r}] has dtype {value.dtype}, the optimizer keeps {kind}")
        if value.shape != shape:
            raise ValueError(f"{where}[{name!r}] has shape {value.shape}, which must be {shape}")
    if state["oldest"] >= max(1, count) or (state["oldest"] and count < room):
        raise ValueError(f"{where}['oldest'] must be the slot of the oldest of {count} pairs, got {state['oldest']}")
    memory = Memory(room)
    memory.ds, memory.ys = ([_copy(row, params) for row in state[name]] for name in ("ds", "ys"))
    memory.middle[...] = state["middle"]
    memory.gamma, memory.oldest_slot = float(state["gamma"]), int(state["oldest"])
    return memory


def _checked_params(where: str, params: Parameters, state: Mapping[str, Any]) -> Array:
    """The parameters that were saved, as a vector."""
    saved = state.get("param")
    if not isinstance(saved, list | tuple) or len(saved) != len(params.arrays):
        raise ValueError(f"{where} must be a list of {len(params.arrays)} arrays; without it, pass params=False")
    for index, (value, own) in enumerate(zip(saved, params.arrays, strict=True)):
        if not isinstance(value, np.ndarray) or value.dtype.newbyteorder("=") != own.dtype or value.shape != own.shape:
            raise ValueError(f"{where}[{index}] must be an array of {own.dtype} and shape {own.shape}")
        if not own.flags.writeable:
            raise ValueError(f"{where}[{index}] belongs to a parameter that has become read-only; make it writeable")
    return np.concatenate([_copy(value, params).reshape(-1) for value in saved])


def _copy(array: Array, params: Parameters) -> Array:
    return np.array(array, params.dtype, order="C")
