"""What do torch's parameter groups say to a rule? Their entries, checked, as the numbers that the kernel takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from onepass.checks import checks_of
from onepass.optimizer.optimizer import Optimizer
from onepass.rules import RULES, Rule

Group = Mapping[str, Any]


@dataclass
class GroupValues:
    """A group's hyper-parameters, as they were read."""

    rule: Rule
    values: dict[str, Any]
    kernel_values: NDArray[np.float64]
    #: The entries of the group's dict from which they were read.
    held: tuple[tuple[str, Any], ...]
    #: A tensor is among them, which may change unseen.
    has_tensor: bool

    @classmethod
    def of(cls, owner: str, core: type[Optimizer], group: Group) -> GroupValues:
        """Raises TypeError, ValueError naming the hyper-parameter and its range."""
        checks = checks_of(core)
        names = [name for name in core.hyperparameters if name in group]
        given = {name: checks[name].check(owner, name, plain(group[name])) for name in names}
        values = {name: field.default for name, field in core.hyperparameters.items()} | given
        rule = RULES[core.rule(values)]
        held = tuple((name, group[name]) for name in names)
        return cls(rule, values, rule.kernel_values(values), held, any(has_tensor(value) for _, value in held))

    def take(self, fresh: GroupValues) -> None:
        """Put other values for the same rule in the place of these, where the plan reads them."""
        self.values, self.held, self.has_tensor = fresh.values, fresh.held, fresh.has_tensor
        self.kernel_values[...] = fresh.kernel_values


def has_tensor(value: Any) -> bool:
    return isinstance(value, torch.Tensor) or (isinstance(value, tuple | list) and any(map(has_tensor, value)))


def plain(value: Any) -> Any:
    """Numbers in the place of tensors of one element."""
    if isinstance(value, torch.Tensor):
        return value.item()
    return type(value)(map(plain, value)) if has_tensor(value) else value
