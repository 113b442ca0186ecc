"""In which arrays does an optimizer keep what belongs to a parameter? Their names, dtypes and first values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any

import numpy as np

from onepass.arrays import Array
from onepass.formats import BLOCK, FLOAT8_FROM, compute_dtype, decode_slot, encode_slot, named_dtype
from onepass.optimizer.options import Options
from onepass.optimizer.placement import zeros_beside
from onepass.rules import Rule, Start

State = dict[str, Array]

# State takes the places from 1 on.
_MIRROR_PLACE = 7


def is_narrow(param: Array) -> bool:
    """Of sixteen bits."""
    return param.dtype.itemsize == 2


def refuse_idle_options(owner: str, params: Sequence[Array], options: Options) -> None:
    """An option that applies to no parameter is a misunderstanding.

    Raises:
        ValueError: naming the option and the parameters that it is for.
    """
    double = [param.dtype == np.float64 for param in params]
    if options.state_dtype == "float64" and not any(double):
        raise ValueError(f"{owner}: state_dtype='float64' is for float64 parameters, and there is none")
    if options.state_dtype not in (None, "float64") and all(double):
        raise ValueError(
            f"{owner}: state_dtype={options.state_dtype!r} is for parameters of 16 or 32 bits; those of float64 keep "
            "float64 state"
        )
    if options.rounding != "nearest" and not any(map(is_narrow, params)):
        raise ValueError(
            f"{owner}: rounding={options.rounding!r} is for float16 and bfloat16 parameters, and there is none"
        )


def new_state(owner: str, rule: Rule, param: Array, options: Options, size: int) -> State:
    """The state of a parameter that has not been stepped yet; `start_state` completes it.

    Args:
        size: of the whole that the parameter is a part of.
    """
    places = count(1)

    def like(dtype: Any) -> Array:
        return zeros_beside(param, next(places), dtype)

    compute = compute_dtype(param.dtype)
    state: State = {"step": np.array(0, dtype=np.int64)}
    state |= {scalar.name: np.zeros((), np.float64) for scalar in rule.scalars}
    for slot in rule.slots_beside(param.ndim):
        if slot.of == "element":
            state |= _slot(owner, slot.name, param, next(places), options, size)
        else:
            state[slot.name] = np.zeros(slot.shape(param.shape), compute)
    if options.rounding == "kahan" and is_narrow(param):
        state["compensation"] = like(param.dtype)
    if options.accumulate > 1:
        state |= {name: like(compute) for name in sum_names(options)} | {"grad_count": np.array(0, dtype=np.int64)}
    if options.ema:
        state |= {"ema": like(compute), "ema_count": np.array(0, dtype=np.int64)}
    return state


def sum_names(options: Options) -> list[str]:
    """The arrays in which gradients of several calls are added; in a tree the sums of 1, 2, 4, ... that may wait."""
    larger = (options.accumulate - 1).bit_length() - 1 if options.accumulate_sum == "tree" else 0
    return ["grad_sum", *(f"grad_sum_{2 << level}" for level in range(larger))]


def start_state(state: State, rule: Rule, values: Mapping[str, Any]) -> None:
    """Write what state starts from that does not start at zero, for the hyper-parameters in force at the first step."""

    def number(start: Start) -> float:
        value: float = values[start] if isinstance(start, str) else start
        return value

    for scalar in rule.scalars:
        state[scalar.name][...] = number(scalar.start)
    for slot in rule.slots:
        if slot.start:
            names = [name for name in (slot.name, f"{slot.name}_scale") if name in state]
            fill([state[name] for name in names], number(slot.start), slot.kind)


def with_variance(saved: Any) -> Any:
    """A saved state of a centred RMSprop, with the variance where it has the mean square, as torch and older states do.

    As much of it as did not cancel: the mean square less the squared mean, in float64.
    """
    if not isinstance(saved, Mapping) or "grad_var" in saved or not {"square_avg", "grad_avg"} <= saved.keys():
        return saved
    square, mean = saved["square_avg"], saved["grad_avg"]
    if not (type(square) is type(mean) is np.ndarray and square.shape == mean.shape and square.dtype == mean.dtype):
        return saved
    if square.dtype == np.uint8:
        raise ValueError("state_dict: the square_avg of a centred RMSprop in float8 cannot become a variance")
    flat = decode_slot(square.ravel(order="K"), "second_moment", compute_dtype(square.dtype))
    variance = np.maximum(flat.astype(np.float64) - mean.ravel(order="K").astype(np.float64) ** 2, 0)
    stored = np.empty_like(square)
    encode_slot(variance.astype(flat.dtype), stored.reshape(-1, order="A"), "second_moment")
    return {**{name: value for name, value in saved.items() if name != "square_avg"}, "grad_var": stored}


def new_mirror(owner: str, param: Array, name: str) -> Array:
    """A copy in the dtype of that name."""
    mirror = zeros_beside(param, _MIRROR_PLACE, named_dtype(owner, name))
    write_mirror(param, mirror)
    return mirror


def write_mirror(param: Array, mirror: Array) -> None:
    """As a step does: by way of float32 into 16 bits."""
    with np.errstate(over="ignore", invalid="ignore"):
        mirror[...] = param if mirror.dtype == np.float64 else param.astype(np.float32, copy=False)


def _slot(owner: str, name: str, param: Array, place: int, options: Options, size: int) -> State:
    compute = compute_dtype(param.dtype)
    wanted: str | None = options.state_dtype
    if compute == np.float64 or wanted in (None, "float64"):
        wanted = compute.name
    in_blocks = wanted == "float8" and size >= FLOAT8_FROM
    dtype = np.dtype(np.uint8) if in_blocks else named_dtype(owner, wanted if wanted != "float8" else "float32")
    arrays = {name: zeros_beside(param, place, dtype)}
    if in_blocks:
        arrays[f"{name}_scale"] = np.zeros(-(-param.size // BLOCK), np.float32)
    return arrays


def fill(arrays: Sequence[Array], number: float, kind: str) -> None:
    """Store a number once, and that everywhere."""
    stored = [np.zeros(1, array.dtype) for array in arrays]
    encode_slot(np.array([number], compute_dtype(arrays[0].dtype)), stored[0], kind, *stored[1:])
    for array, element in zip(arrays, stored, strict=True):
        array[...] = element
