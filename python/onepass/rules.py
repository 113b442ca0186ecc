"""What does each rule declare? The records of the formulas in cpp/rules/, made once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onepass import _core

#: A number, or the hyper-parameter that a value starts from.
Start = float | str


@dataclass(frozen=True)
class Slot:
    """An array of state.

    Attributes:
        kind: "first_moment", "second_moment" or "iterate", which decides how it is rounded in fewer bits.
    """

    name: str
    kind: str
    start: Start


@dataclass(frozen=True)
class Scalar:
    """A number of state."""

    name: str
    start: Start


@dataclass(frozen=True)
class Rule:
    """A formula's arguments.

    Attributes:
        hypers: the numbers that the kernel takes, in its order; ``betas[0]`` is the first of a pair.
        lazy: it may be applied to some rows only.
    """

    name: str
    hypers: tuple[str, ...]
    slots: tuple[Slot, ...]
    scalars: tuple[Scalar, ...]
    lazy: bool

    @cached_property
    def hyperparameters(self) -> tuple[str, ...]:
        """The hyper-parameters by name, pairs once."""
        return tuple(dict.fromkeys(hyper.partition("[")[0] for hyper in self.hypers))

    @cached_property
    def _places(self) -> tuple[tuple[str, int | None], ...]:
        parts = (hyper.partition("[") for hyper in self.hypers)
        return tuple((name, int(index[0]) if index else None) for name, _, index in parts)

    def kernel_values(self, values: Mapping[str, Any]) -> NDArray[np.float64]:
        """The sign of the gradients and the hyper-parameters, as the kernel takes them."""
        return np.array(self.flat(values), dtype=np.float64)

    def flat(self, values: Mapping[str, Any]) -> list[float]:
        """The same in a list."""
        flat = [-1.0 if values.get("maximize") else 1.0]
        flat += [values[name] if index is None else values[name][index] for name, index in self._places]
        return flat


def _rule(row: _core.RuleRow) -> Rule:
    slots = tuple(Slot(*slot) for slot in row["slots"])
    scalars = tuple(Scalar(*scalar) for scalar in row["scalars"])
    return Rule(row["name"], row["hypers"], slots, scalars, row["lazy"])


#: Every rule, by name.
RULES: dict[str, Rule] = {row["name"]: _rule(row) for row in _core.rules()}
