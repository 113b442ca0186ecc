"""How do the groups and the state of a torch optimizer become a plan of the core?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from onepass import _core
from onepass.optimizer.optimizer import Optimizer
from onepass.optimizer.options import Options
from onepass.torch.gaps import is_dense, require_apart
from onepass.torch.gradients import Replacement, replacement
from onepass.torch.groups import Group, GroupValues
from onepass.torch.kinds import READER, is_sharded, local, require_steppable
from onepass.torch.state import parts_of, waiting_calls

State = dict[torch.Tensor, dict[str, Any]]
Mirrors = Mapping[torch.Tensor, torch.Tensor]
#: The numbers that the kernel takes for a parameter of this group with this state.
KernelValues = Callable[[GroupValues, Mapping[str, Any]], NDArray[np.float64]]


@dataclass(slots=True)
class _Bound:
    """A parameter, and what is stepped for it."""

    owner: str
    name: Any
    param: torch.Tensor
    tensor: torch.Tensor
    group: GroupValues
    #: The parameter has gaps in its memory, or rows that do not lie one behind the other: its elements are stepped in a
    #: buffer.
    is_buffered: bool

    @classmethod
    def of(cls, owner: str, name: Any, param: torch.Tensor, group: GroupValues) -> _Bound:
        tensor = require_steppable(f"{owner}: parameter {name}", param)
        needs_rows = bool(group.rule.factors) and tensor.ndim > 2
        if tensor.is_contiguous() if needs_rows else is_dense(tensor):
            return cls(owner, name, param, tensor, group, False)
        buffer = torch.empty(tensor.shape, dtype=tensor.dtype)
        return cls(owner, name, param, buffer, group, True)

    @property
    def label(self) -> str:
        return f"{self.owner}: parameter {self.name}"

    def fill(self) -> bool:
        """Take what the parameter has; False if it has become another tensor."""
        now = require_steppable(self.label, self.param)
        if now.shape != self.tensor.shape or now.dtype != self.tensor.dtype:
            return False
        self.tensor.copy_(now.detach())
        return True

    def entry(self, rule: int, state: State, options: Options, mirrors: Mirrors | None) -> tuple[Any, ...]:
        """What the plan has of it; what its state lacks is made."""
        is_local = self.tensor is not self.param and not self.is_buffered
        common = (str(self.name), rule, self.param, self.tensor, is_local)
        kept = state.get(self.param)
        if self.param.grad is None and not kept:
            return (*common, None, {})
        own = {} if kept is None else kept
        parts = parts_of(self.label, self.group.rule, self.param, self.tensor, own, self.group.values, options)
        if own and kept is None:
            state[self.param] = own
        if mirrors is not None:
            mirror = mirrors[self.param]
            parts["mirror"] = (mirror, local(mirror) if is_sharded(mirror) else mirror)
        return (*common, own, parts)


@dataclass
class Binding:
    """The plan of a torch optimizer, and what it was made of."""

    owner: str
    core: type[Optimizer]
    groups: list[GroupValues]
    params: list[_Bound]
    plan: _core.TensorPlan
    #: Those that are stepped in buffers.
    buffered: list[_Bound]
    state: State
    own_values: KernelValues | None
    #: The numbers of each parameter, where they have their own.
    values: list[NDArray[np.float64]]

    @classmethod
    def of(
        cls,
        owner: str,
        core: type[Optimizer],
        groups: Sequence[Group],
        state: State,
        options: Options,
        *,
        mirrors: Mirrors | None = None,
        own_values: KernelValues | None = None,
        reader: _core.TensorReader = READER,
    ) -> Binding:
        """Check all, and make the state that is missing.

        Raises:
            TypeError, ValueError: naming what does not fit; state may have been made, see `unchanged_on_error`.
        """
        values = [GroupValues.of(owner, core, group) for group in groups]
        bound: list[_Bound] = []
        numbers: list[int] = []
        for number, (group, of_group) in enumerate(zip(groups, values, strict=True)):
            names = group.get("param_names", range(len(bound), len(bound) + len(group["params"])))
            bound += [
                _Bound.of(owner, name, param, of_group) for name, param in zip(names, group["params"], strict=True)
            ]
            numbers += [number] * len(group["params"])
        buffered = [one for one in bound if one.is_buffered]
        if buffered:
            require_apart([(one.label, local(one.param), one.is_buffered) for one in bound])
        if own_values is not None:
            numbers = list(range(len(bound)))
        entries = [one.entry(number, state, options, mirrors) for number, one in zip(numbers, bound, strict=True)]
        own = [] if own_values is None else [own_values(one.group, state.get(one.param, {})) for one in bound]
        rules = [(one.group.rule.name, numbers) for one, numbers in zip(bound, own, strict=False)]
        plan = _core.TensorPlan(
            owner,
            reader,
            rules or [(one.rule.name, one.kernel_values) for one in values],
            [(one.held, len(group["params"])) for one, group in zip(values, groups, strict=True)],
            state,
            entries,
            options.core_rounding(),
        )
        plan.pending = max((waiting_calls(entry[-1]) for entry in entries), default=0)
        return cls(owner, core, values, bound, plan, buffered, state, own_values, own)

    def reread(self, groups: Sequence[Group]) -> bool:
        """Take over what the groups say now; False if that needs another plan."""
        if len(groups) != len(self.groups):
            return False
        fresh = [GroupValues.of(self.owner, self.core, group) for group in groups]
        if any(now.rule is not own.rule for own, now in zip(self.groups, fresh, strict=True)):
            return False
        for number, (own, now) in enumerate(zip(self.groups, fresh, strict=True)):
            own.take(now)
            self.plan.hold(number, own.held)
        return True

    @property
    def is_simple(self) -> bool:
        """The plan alone sees what changes."""
        return not (self.buffered or self.values or any(group.has_tensor for group in self.groups))

    def prepare(self, groups: Sequence[Group]) -> bool:
        """Before a step: see what the plan does not; False if another plan is needed."""
        if any(group.has_tensor for group in self.groups) and not self.reread(groups):
            return False
        for one, numbers in zip(self.params, self.values, strict=False):
            assert self.own_values is not None
            numbers[...] = self.own_values(one.group, self.state.get(one.param, {}))
        return all(one.fill() for one in self.buffered)

    def replacements(self, numbers: Sequence[int]) -> dict[int, Replacement]:
        """What the core reads in the place of these parameters' gradients."""
        bound = {number: self.params[number] for number in numbers}
        return {
            number: replacement(f"{self.owner}: gradient {one.name}", one.tensor, one.param)
            for number, one in bound.items()
        }

    def empty_buffers(self) -> None:
        """Behind a step: give it to the parameters."""
        for one in self.buffered:
            local(one.param).copy_(one.tensor)


@contextmanager
def unchanged_on_error(state: dict[torch.Tensor, dict[str, Any]]) -> Iterator[None]:
    """What was made or put in another form before an error is taken back; tensors are never changed before a step."""
    before = [(param, own, dict(own)) for param, own in state.items() if isinstance(own, dict)]
    others = {key: own for key, own in state.items() if not isinstance(own, dict)}
    try:
        yield
    except BaseException:
        state.clear()
        state.update(others)
        for param, own, entries in before:
            own.clear()
            own.update(entries)
            state[param] = own
        raise
