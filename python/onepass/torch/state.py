"""In which tensors does an optimizer keep what belongs to a parameter? Those of torch, under torch's names.

State starts when a parameter has its first gradient, and what another optimizer has left is taken over as it is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from onepass.formats import BLOCK, FLOAT8_FROM
from onepass.optimizer.options import Options
from onepass.optimizer.state import fill
from onepass.rules import Rule, Slot, Start
from onepass.torch.kinds import is_part_of, is_sharded, lies_as, local, part_of

#: What the core keeps, by role: a tensor and its own memory in this process, and the value of a number.
Parts = dict[str, tuple[Any, ...]]

_SIXTEEN_BITS = (torch.bfloat16, torch.float16)
#: Rules whose count of steps torch does not show; a buffer says that there was one.
_UNCOUNTED = ("sgd", "momentum", "nesterov")


def refuse_foreign_formats(owner: str, options: Options) -> None:
    """Raises ValueError for state that torch would take for something else, or that is kept beside arrays alone."""
    if options.accumulate_sum == "tree":
        raise ValueError(f"{owner}: accumulate_sum='tree' is for optimizers of NumPy arrays; leave it 'running'")
    if options.state_dtype == "float16":
        raise ValueError(
            f"{owner}: state_dtype='float16' keeps the roots of second moments, which torch would take for themselves; "
            "use 'bfloat16'"
        )


def parts_of(
    label: str,
    rule: Rule,
    param: torch.Tensor,
    tensor: torch.Tensor,
    state: dict[str, Any],
    values: Mapping[str, Any],
    options: Options,
) -> Parts:
    """What the core keeps beside a parameter; what the state lacks of it is made, and lies as the parameter does.

    Args:
        tensor: what is stepped for the parameter.

    Raises:
        TypeError, ValueError: naming the entry that does not fit.
    """
    _require_whole(label, rule, param, tensor)
    _keep_momentum_or_none(label, rule, state)
    home = _Home(label, param, tensor, state)
    parts: Parts = {"step": _step(label, rule, state)}
    for scalar in rule.scalars:
        parts[scalar.name] = _scalar(label, scalar.name, state, _number(scalar.start, values))
    dtype = _slot_dtype(tensor, rule, state, options)
    for slot in rule.slots_beside(tensor.ndim):
        if slot.of != "element":
            parts[slot.name] = home.factor(slot.name, slot.shape(tuple(tensor.shape)))
        elif dtype == torch.uint8:
            parts |= _in_blocks(home, slot, values)
        else:
            parts[slot.name] = _slot(home, slot, values, dtype)
    if options.rounding == "kahan" and tensor.dtype in _SIXTEEN_BITS:
        parts["compensation"] = home.array("compensation", tensor.dtype)
    if options.accumulate > 1:
        parts |= _counted(home, "grad_sum", "grad_count")
    if options.ema:
        parts |= _counted(home, "ema", "ema_count")
    return parts


def _require_whole(label: str, rule: Rule, param: torch.Tensor, tensor: torch.Tensor) -> None:
    """Sums over a part of what they should be over are other sums."""
    is_part = tensor.numel() != param.numel() or rule.pooled
    if len(rule.stages) > 1 and is_sharded(param) and is_part:
        raise ValueError(
            f"{label} is sharded, and rule {rule.name!r} sums over whole parameters, of which this process has parts; "
            "use an optimizer that sums nothing, such as AdamW"
        )


def _keep_momentum_or_none(label: str, rule: Rule, state: dict[str, Any]) -> None:
    """Where beta1 is 0 torch keeps the last gradient for a momentum, and onepass nothing that one could begin with."""
    keeps_it = any(slot.name == "exp_avg" for slot in rule.slots)
    for kind in ("", "_codes"):
        if f"exp_avg_sq{kind}" not in state:
            continue
        if not keeps_it:
            state.pop(f"exp_avg{kind}", None)
        elif f"exp_avg{kind}" not in state:
            raise ValueError(f"{label}: betas[0] cannot change from 0, as no exp_avg was kept; build a new optimizer")


def waiting_calls(parts: Parts) -> int:
    """How many calls of `step` a parameter's gradients wait for those that complete it."""
    return int(parts["grad_count"][0]) if "grad_count" in parts else 0


@dataclass(slots=True)
class _Home:
    """Where the arrays of a parameter's state are, which lie as what is stepped for it does."""

    label: str
    param: torch.Tensor
    tensor: torch.Tensor
    state: dict[str, Any]

    def array(self, name: str, dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
        """The state's own if it is of this dtype and lies as the parameter, else a copy that does, else zeros."""
        found = self.state.get(name)
        if found is None:
            return self.take(name, torch.zeros_like(self.tensor, dtype=dtype, requires_grad=False))
        own = local(found) if isinstance(found, torch.Tensor) else None
        if own is None or own.shape != self.tensor.shape:
            shape = type(found).__name__ if own is None else tuple(own.shape)
            raise ValueError(
                f"{self.label}: state[{name!r}] has shape {shape}, its parameter {tuple(self.tensor.shape)}"
            )
        fits = own.dtype == dtype and own.device.type == "cpu" and lies_as(own, self.tensor)
        if fits and type(own) is torch.Tensor and is_part_of(self.param, found):
            return found, own if own is not found and is_sharded(found) else found
        return self.take(name, self._empty(dtype).copy_(own.detach()))

    def factor(self, name: str, shape: tuple[int, ...]) -> tuple[torch.Tensor, torch.Tensor]:
        """State of rows or columns, in the compute type: the state's own, a copy that fits, or zeros."""
        if is_sharded(self.param):
            raise ValueError(f"{self.label} is sharded, and a part has not whole rows and columns, of which {name} is")
        found, dtype = self.state.get(name), compute_dtype(self.tensor)
        if found is None:
            found = torch.zeros(shape, dtype=dtype)
        elif not isinstance(found, torch.Tensor) or found.shape != shape:
            kind = tuple(found.shape) if isinstance(found, torch.Tensor) else type(found).__name__
            raise ValueError(f"{self.label}: state[{name!r}] has shape {kind}, its parameter needs {shape}")
        elif type(found) is not torch.Tensor or found.device.type != "cpu":
            found = found.detach().cpu().as_subclass(torch.Tensor)
        self.state[name] = found.to(dtype).contiguous()
        return self.state[name], self.state[name]

    def take(self, name: str, own: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        self.state[name] = part_of(self.param, own)
        return self.state[name], own

    def _empty(self, dtype: torch.dtype) -> torch.Tensor:
        return torch.empty_like(self.tensor, dtype=dtype, memory_format=torch.preserve_format, requires_grad=False)


def compute_dtype(tensor: torch.Tensor) -> torch.dtype:
    """The dtype of all arithmetic on a parameter."""
    if tensor.is_complex():
        return tensor.dtype
    return torch.float64 if tensor.dtype == torch.float64 else torch.float32


def _number(start: Start, values: Mapping[str, Any]) -> float:
    number: float = values[start] if isinstance(start, str) else start
    return number


def _step(label: str, rule: Rule, state: dict[str, Any]) -> tuple[Any, ...]:
    if rule.name in _UNCOUNTED and "step" not in state:
        return None, None, int(state.get("momentum_buffer") is not None)
    value = state.get("step")
    if value is None:
        state["step"] = torch.zeros((), dtype=torch.float32)
        return state["step"], state["step"], 0
    count = float(value)
    if not math.isfinite(count) or count < 0 or count != int(count):
        raise ValueError(f"{label}: state['step'] must be a count, got {value!r}")
    if not _is_number(value, torch.float32):
        state["step"] = torch.tensor(count, dtype=torch.float32)
    return state["step"], state["step"], int(count)


def _scalar(label: str, name: str, state: dict[str, Any], start: float) -> tuple[Any, ...]:
    value = state.get(name, start)
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{label}: state[{name!r}] must be finite, got {value!r}")
    if not _is_number(value, torch.float64):
        state[name] = torch.tensor(number, dtype=torch.float64)
    return state[name], state[name], number


def _is_number(value: Any, dtype: torch.dtype) -> bool:
    return type(value) is torch.Tensor and value.dtype == dtype and value.shape == () and value.device.type == "cpu"


def _slot_dtype(tensor: torch.Tensor, rule: Rule, state: Mapping[str, Any], options: Options) -> torch.dtype:
    """That of the state there is, if the core can keep it so; else what the options say."""
    compute = compute_dtype(tensor)
    if compute != torch.float32:
        return compute
    if any(f"{slot.name}_scale" in state for slot in rule.slots):
        return torch.uint8
    found = {state[slot.name].dtype for slot in rule.slots if isinstance(state.get(slot.name), torch.Tensor)}
    for dtype in (torch.float32, torch.bfloat16):
        if found == {dtype}:
            return dtype
    if options.state_dtype == "float8":
        return torch.uint8 if tensor.numel() >= FLOAT8_FROM else torch.float32
    return torch.bfloat16 if options.state_dtype == "bfloat16" else torch.float32


def _slot(home: _Home, slot: Slot, values: Mapping[str, Any], dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
    if slot.name == "grad_var":
        return _variance(home, dtype)
    is_new = home.state.get(slot.name) is None
    whole, own = home.array(slot.name, dtype)
    if is_new and slot.start:
        numbers = torch.view_as_real(own) if own.is_complex() else own
        numbers.fill_(_number(slot.start, values))
    return whole, own


def _variance(home: _Home, dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
    """torch keeps the mean square, whose difference to the squared mean is the variance, as far as it does not cancel.

    `shown` puts the mean square beside; where it is no longer that of the variance, torch has stepped since.
    """
    square = home.state.pop("square_avg", None)
    variance, mean = home.state.get("grad_var"), home.state.get("grad_avg")
    if (
        square is not None
        and mean is not None
        and (variance is None or not torch.equal(local(_square(variance, mean)), local(square)))
    ):
        exact = square.double() - mean.double() ** 2
        home.state["grad_var"] = exact.clamp_(min=0).to(dtype)
    return home.array("grad_var", dtype)


def _square(variance: torch.Tensor, mean: torch.Tensor) -> torch.Tensor:
    return variance + mean * mean


def shown(state: Mapping[str, Any], group: Mapping[str, Any]) -> dict[str, Any]:
    """A parameter's state for `state_dict`: with what torch keeps in the place of what is kept or computed here."""
    own = dict(state)
    if "grad_var" in state:
        own["square_avg"] = _square(state["grad_var"], state["grad_avg"])
    if "exp_avg_sq" in state and "exp_avg" not in state:
        own["exp_avg"] = torch.zeros_like(state["exp_avg_sq"])
    if "ax" in state or "ax_codes" in state:  # torch asks for it also where it cannot read the average
        own["mu"] = torch.tensor(1 / max(1.0, float(state["step"]) - group["t0"]))
    return own


def _in_blocks(home: _Home, slot: Slot, values: Mapping[str, Any]) -> Parts:
    """Codes of eight bits, under a name that torch does not look for."""
    if is_sharded(home.param):
        raise ValueError(f"{home.label} is sharded, and state_dtype='float8' has no shards; use 'bfloat16'")
    state, tensor = home.state, home.tensor
    codes, scales, blocks = f"{slot.name}_codes", f"{slot.name}_scale", -(-tensor.numel() // BLOCK)
    if codes not in state:
        state[codes] = torch.zeros_like(tensor, dtype=torch.uint8, memory_format=torch.preserve_format)
        state[scales] = torch.zeros(blocks, dtype=torch.float32)
        if slot.start:
            fill([state[codes].numpy(), state[scales].numpy()], _number(slot.start, values), slot.kind)
    for name, dtype, size in (
        (codes, torch.uint8, tensor.numel()),
        (scales, torch.float32, -(-tensor.numel() // BLOCK)),
    ):
        found = state.get(name)
        if type(found) is not torch.Tensor or found.dtype != dtype or found.numel() != size:
            raise ValueError(f"{home.label}: state[{name!r}] must have {size} elements of {dtype}")
    return {slot.name: (state[codes],) * 2, scales: (state[scales],) * 2}


def _counted(home: _Home, name: str, count: str) -> Parts:
    array, state = home.array(name, compute_dtype(home.tensor)), home.state
    if not _is_number(state.get(count), torch.int64):
        state[count] = torch.tensor(int(state.get(count, 0)), dtype=torch.int64)
    return {name: array, count: (state[count],) * 2}
