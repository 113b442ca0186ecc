"""How do the groups and the state of a torch optimizer become a plan of the core?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from onepass import _core
from onepass.optimizer.optimizer import Optimizer
from onepass.optimizer.options import Options
from onepass.torch.gradients import Replacement, replacement
from onepass.torch.groups import Group, GroupValues
from onepass.torch.kinds import READER, DTensor, is_dense, require_steppable
from onepass.torch.state import parts_of

State = Mapping[torch.Tensor, dict[str, Any]]


@dataclass
class _Bound:
    """A parameter, and what is stepped for it."""

    label: str
    param: torch.Tensor
    tensor: torch.Tensor
    group: GroupValues
    #: The parameter has gaps in its memory: its elements are stepped in a buffer without any.
    is_buffered: bool


@dataclass
class Binding:
    """The plan of a torch optimizer, and what it was made of."""

    owner: str
    core: type[Optimizer]
    groups: list[GroupValues]
    params: list[_Bound]
    plan: _core.TensorPlan
    buffered: list[_Bound] = field(default_factory=list)

    @classmethod
    def of(
        cls,
        owner: str,
        core: type[Optimizer],
        groups: Sequence[Group],
        state: State,
        options: Options,
        mirrors: Mapping[torch.Tensor, torch.Tensor] | None,
        reader: _core.TensorReader = READER,
    ) -> Binding:
        """Check all, then make the state that is missing.

        Raises:
            TypeError, ValueError: naming what does not fit; nothing has changed then.
        """
        values = [GroupValues.of(owner, core, group) for group in groups]
        bound: list[_Bound] = []
        for group, of_group in zip(groups, values, strict=True):
            names = group.get("param_names", range(len(bound), len(bound) + len(group["params"])))
            for name, param in zip(names, group["params"], strict=True):
                label = f"{owner}: parameter {name}"
                tensor = require_steppable(label, param)
                is_buffered = not is_dense(tensor)
                buffer = tensor.detach().contiguous() if is_buffered else tensor
                bound.append(_Bound(label, param, buffer, of_group, is_buffered))
                if param.grad is not None:
                    _require_gradient(f"{owner}: gradient {name}", param)
        entries = []
        at = 0
        for number, group in enumerate(groups):
            for one in bound[at : at + len(group["params"])]:
                entries.append(_entry(one, number, state, options, mirrors))
            at += len(group["params"])
        rules = [
            (one.rule.name, one.kernel_values, one.held, len(group["params"]))
            for one, group in zip(values, groups, strict=True)
        ]
        plan = _core.TensorPlan(owner, reader, rules, entries, options.core_rounding())
        return cls(owner, core, values, bound, plan, [one for one in bound if one.is_buffered])

    def reread(self, groups: Sequence[Group]) -> bool:
        """Take over what the groups say now; False if that needs another plan."""
        fresh = [GroupValues.of(self.owner, self.core, group) for group in groups]
        for number, (own, now) in enumerate(zip(self.groups, fresh, strict=True)):
            if not own.take(now):
                return False
            self.plan.hold(number, own.held)
        return True

    def replacements(self, numbers: Sequence[int]) -> dict[int, Replacement]:
        """What the core reads in the place of these parameters' gradients."""
        found = {}
        for number in numbers:
            one = self.params[number]
            label = one.label.replace("parameter", "gradient")
            found[number] = replacement(label, one.tensor, one.param, one.group.rule, one.group.values)
        return found

    def fill_buffers(self) -> None:
        for one in self.buffered:
            one.tensor.copy_(_local(one.param))

    def empty_buffers(self) -> None:
        for one in self.buffered:
            _local(one.param).copy_(one.tensor)


def _local(param: torch.Tensor) -> torch.Tensor:
    return param._local_tensor if DTensor is not None and isinstance(param, DTensor) else param.detach()


def _require_gradient(label: str, param: torch.Tensor) -> None:
    gradient: Any = param.grad
    if gradient.is_meta or gradient.device != param.device:
        raise ValueError(f"{label} is on {gradient.device}, its parameter on {param.device}")


def _entry(
    one: _Bound,
    group: int,
    state: State,
    options: Options,
    mirrors: Mapping[torch.Tensor, torch.Tensor] | None,
) -> tuple[Any, ...]:
    name = one.label.partition("parameter ")[2]
    is_local = one.tensor is not one.param and not one.is_buffered
    common = (name, group, one.param, one.tensor, is_local)
    if one.param.grad is None and not state.get(one.param):
        return (*common, None, {})
    own = state[one.param]
    parts = parts_of(one.label, one.group.rule, one.tensor, own, one.group.values, options)
    if mirrors is not None:
        parts["mirror"] = (None, mirrors[one.param])
    return (*common, own, parts)
