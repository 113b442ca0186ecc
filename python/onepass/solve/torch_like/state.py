"""How does the state of LBFGS leave and return? Deep copies out; checked as a whole, then copied, in."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from onepass.arrays import Array
from onepass.checks import check_count, require_keys
from onepass.solve.smooth.lbfgs import Memory
from onepass.solve.torch_like.settings import Settings

if TYPE_CHECKING:
    from onepass.solve.torch_like.optimizer import LBFGS

VERSION = 1
COUNTS = ("n_iter", "func_evals")
NUMBERS = ("step", "gamma")
ARRAYS = ("ds", "ys", "middle", "d", "g")


def state_dict(opt: LBFGS) -> dict[str, Any]:
    """What `LBFGS.state_dict` says."""
    state, memory, size = opt._state, opt._state.memory, opt._params.size
    room = np.empty((0, size), opt._params.dtype)
    saved = {
        "n_iter": opt.n_iter,
        "func_evals": opt.func_evals,
        "step": state.step,
        "gamma": memory.gamma,
        "oldest": memory.oldest_slot,
        "ds": np.stack(memory.ds) if memory else room,
        "ys": np.stack(memory.ys) if memory else room,
        "middle": memory.middle.copy(),
        "d": None if state.d is None else state.d.copy(),
        "g": None if state.g is None else state.g.copy(),
    }
    group = {**opt._group.values_by_name(), "params": list(range(len(opt.params))), "shapes": opt._params.shapes}
    if opt._params.names:
        group["names"] = list(opt._params.names)
    return {"optimizer": "LBFGS", "version": VERSION, "state": saved, "param_groups": [group]}


def load_state_dict(opt: LBFGS, saved: Mapping[str, Any]) -> None:
    """What `LBFGS.load_state_dict` says."""
    owner = "LBFGS: state_dict"
    require_keys(owner, saved, {"optimizer", "version", "state", "param_groups"})
    if saved["optimizer"] != "LBFGS":
        raise ValueError(f"{owner} is of {saved['optimizer']!r}")
    if type(saved["version"]) is not int or not 1 <= saved["version"] <= VERSION:
        raise ValueError(f"{owner} has version {saved['version']!r}; this onepass reads up to {VERSION}")
    settings = _checked_group(f"{owner}['param_groups']", opt, saved["param_groups"])
    memory = _checked_memory(f"{owner}['state']", opt, saved["state"])
    state = saved["state"]

    opt._group.settings = settings
    opt.n_iter, opt.func_evals = int(state["n_iter"]), int(state["func_evals"])
    opt._state = type(opt._state)(memory)
    opt._state.step = float(state["step"])
    if state["d"] is not None:
        opt._state.d, opt._state.g = (_copy(state[name], opt) for name in ("d", "g"))


def _checked_group(where: str, opt: LBFGS, groups: Any) -> Settings:
    if not isinstance(groups, list | tuple) or len(groups) != 1:
        raise ValueError(f"{where} must be a list of one dict")
    group, where = groups[0], f"{where}[0]"
    own, params = opt._group.values_by_name(), opt._params
    optional = {"names"} & group.keys() if isinstance(group, Mapping) else set()
    require_keys(where, group, {*own, "params", "shapes", *optional})
    if group["shapes"] != params.shapes:
        raise ValueError(f"{where}['shapes'] are {group['shapes']}, those of the parameters are {params.shapes}")
    names = group.get("names")
    if names and params.names and list(names) != list(params.names):
        raise ValueError(f"{where}['names'] are {list(names)}, those of the parameters are {list(params.names)}")
    return opt._group.changed({name: group[name] for name in own})


def _checked_memory(where: str, opt: LBFGS, state: Any) -> Memory:
    require_keys(where, state, {*COUNTS, *NUMBERS, *ARRAYS, "oldest"})
    for name in (*COUNTS, "oldest"):
        check_count(f"{where}[{name!r}]", state[name])
    for name in NUMBERS:
        if not isinstance(state[name], float) or not math.isfinite(state[name]):
            raise TypeError(f"{where}[{name!r}] must be a finite float, got {state[name]!r}")
    size, dtype, room = opt._params.size, opt._params.dtype, opt._group.settings.history_size
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
    memory.ds, memory.ys = ([_copy(row, opt) for row in state[name]] for name in ("ds", "ys"))
    memory.middle[...] = state["middle"]
    memory.gamma, memory.oldest_slot = float(state["gamma"]), int(state["oldest"])
    return memory


def _copy(array: Array, opt: LBFGS) -> Array:
    return np.array(array, opt._params.dtype, order="C")
