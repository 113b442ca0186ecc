"""Why can a tensor of a list not be stepped? The error that the core's answer becomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import torch

from onepass.checks import check_count
from onepass.rules import Slot
from onepass.torch.gaps import is_dense
from onepass.torch.kinds import lies_as, require_steppable

_DTYPES = {
    "params": "parameters are in float32, float64, float16, bfloat16 or complex",
    "grads": "a gradient is in its parameter's dtype or in float32, that of a float32 parameter also in 16 bits",
    "mirrors": "a mirror is in float32, bfloat16 or float16, that of a float64 parameter also in float64",
}
_SLOTS = (
    "state is in float64 beside a float64 parameter, else in float32 or bfloat16, that of first moments also in "
    "float16, and all of a parameter alike"
)


def refuse(
    owner: str, lists: Mapping[str, Sequence[Any]], role: str, index: int, factors: Mapping[str, Slot]
) -> NoReturn:
    """Say what is wrong with `lists[role][index]`.

    Args:
        factors: which lists are state of rows or columns.

    Raises:
        TypeError, ValueError: always.
    """
    label = f"{owner}: {role}[{index}]"
    one, param = lists[role][index], lists["params"][index]
    places = list(lists)
    if role == "steps":
        _refuse_step(label, one)
    factor = factors.get(role)
    if factor is not None and factor.name_beside(param.ndim) is None:
        raise ValueError(f"{label} must be None, as its parameter has less than two axes")
    if places.index("steps") < places.index(role) < places.index("mirrors"):
        raise TypeError(f"{label} must be a 0-dimensional float64 tensor on the CPU, got {_described(one)}")
    if require_steppable(label, one) is not one:
        raise TypeError(f"{label} is a DTensor; pass its local part, t.to_local()")
    if factor is not None:
        _refuse_factor(label, one, param, factor)
    if one.shape != param.shape:
        raise ValueError(f"{label} has shape {tuple(one.shape)}, its parameter {tuple(param.shape)}")
    if not is_dense(one):
        raise ValueError(f"{label} has gaps in its memory (strides {one.stride()}); pass a contiguous tensor")
    if not lies_as(one, param):
        raise ValueError(
            f"{label} lies otherwise in memory than its parameter (strides {one.stride()}, not {param.stride()}); "
            "pass torch.empty_like(p).copy_(t)"
        )
    if role == "params" and factors and one.is_complex():
        raise TypeError(f"{label} is complex, which has no state of rows and columns")
    if role == "params" and factors and one.ndim > 2 and not one.is_contiguous():
        raise ValueError(f"{label} must lie in C order, for state of its rows and columns; pass a contiguous copy")
    if one.data_ptr() % one.element_size():
        raise ValueError(f"{label} is not aligned to its elements in memory; pass a copy")
    raise TypeError(f"{label} has dtype {one.dtype}, its parameter {param.dtype}; {_DTYPES.get(role, _SLOTS)}")


def _refuse_factor(label: str, one: torch.Tensor, param: torch.Tensor, factor: Slot) -> NoReturn:
    shape = factor.shape(tuple(param.shape))
    if one.shape != shape:
        raise ValueError(f"{label} has shape {tuple(one.shape)}, its parameter of {tuple(param.shape)} needs {shape}")
    if not one.is_contiguous():
        raise ValueError(f"{label} must be contiguous; pass t.contiguous()")
    dtype = torch.float64 if param.dtype == torch.float64 else torch.float32
    raise TypeError(f"{label} has dtype {one.dtype}; beside a parameter of {param.dtype} it is in {dtype}")


def _refuse_step(label: str, one: Any) -> NoReturn:
    if not isinstance(one, torch.Tensor):
        check_count(label, one, 1)
        raise TypeError(f"{label} must be an int or a 0-dimensional int64 tensor, got {type(one).__name__}")
    if one.dtype == torch.int64 and one.shape == () and one.device.type == "cpu" and one < 0:
        raise ValueError(f"{label} must be a count, got {int(one)}")
    raise TypeError(f"{label} must be an int or a 0-dimensional int64 tensor on the CPU, got {_described(one)}")


def _described(one: Any) -> str:
    if not isinstance(one, torch.Tensor):
        return type(one).__name__
    return f"one of shape {tuple(one.shape)}, dtype {one.dtype} on {one.device}"
