"""What does an optimizer hold? All that its copies, its pickles and its checkpoints must have."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from onepass import _core
from onepass.arrays import Array
from onepass.optimizer.groups import ParamGroup
from onepass.optimizer.state import State


@dataclass
class Contents:
    """Groups, and what belongs to each parameter in their order.

    Attributes:
        states: the state of each parameter.
        mirrors: the copy of each parameter that a step writes, with `Options.mirror`; else empty.
        pending: calls of `step` that wait for those that complete it, with `Options.accumulate`.
        found_inf: one of these calls was told of an infinity.
    """

    groups: list[ParamGroup] = field(default_factory=list)
    states: list[State] = field(default_factory=list)
    mirrors: list[Array] = field(default_factory=list)
    pending: int = 0
    found_inf: bool = False

    @property
    def params(self) -> list[Array]:
        return [param for group in self.groups for param in group.params]

    @property
    def names(self) -> list[str] | None:
        """The names of all parameters; None if one has none."""
        names = [name for group in self.groups for name in group.names or ()]
        return names if len(names) == len(self.states) else None

    def plan(self, owner: str, rounding: _core.Rounding) -> _core.Plan:
        """All of it bound for steps.

        Raises:
            TypeError, ValueError: naming a parameter that cannot be stepped beside the others.
        """
        tensors: list[tuple[Any, ...]] = []
        names: set[str] = set()
        for number, group in enumerate(self.groups):
            for index, param in enumerate(group.params):
                position = len(tensors)
                if group.names:
                    if group.names[index] in names:
                        raise ValueError(f"{owner}: two parameters are named {group.names[index]!r}")
                    names.add(group.names[index])
                mirror = self.mirrors[position] if self.mirrors else None
                tensors.append((group.label(position, index), number, param, self.states[position], mirror))
        groups = [(group.rule, group.kernel_values) for group in self.groups]
        return _core.Plan(owner, "step", groups, tensors, rounding)
