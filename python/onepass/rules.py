"""What does each rule declare? The records of the formulas in cpp/rules/, made once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
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
        of: "element" if it is of the parameter's shape; "row" or "column" of its last two axes, in the compute type.
        of_vector: the name of such a one where the parameter has less than two axes; None if there is none then.
    """

    name: str
    kind: str
    start: Start
    of: str = "element"
    of_vector: str | None = None

    def name_beside(self, axes: int) -> str | None:
        """Its name in the state of a parameter with so many axes; None if it is not there."""
        return self.of_vector if self.of != "element" and axes < 2 else self.name

    def shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Its shape beside a parameter of this one."""
        if self.of == "element" or len(shape) < 2:
            return shape
        return (*shape[:-1], 1) if self.of == "row" else (*shape[:-2], 1, shape[-1])


@dataclass(frozen=True)
class Scalar:
    """A number of state."""

    name: str
    start: Start


@dataclass(frozen=True)
class Stage:
    """A sweep over a tensor.

    Attributes:
        reads: "p", "g" and the slots that it looks at.
        writes: "p", in the last stage, and slots.
    """

    reads: tuple[str, ...]
    writes: tuple[str, ...]


@dataclass(frozen=True)
class Rule:
    """A formula's arguments.

    Attributes:
        hypers: the numbers that the kernel takes, in its order; ``betas[0]`` is the first of several. Those before the
            first that it takes are zero.
        lazy: it may be applied to some rows only.
        stages: the sweeps over the tensor.
        pooled: sums and scalars are those of a group, not of a tensor.
    """

    name: str
    hypers: tuple[str, ...]
    slots: tuple[Slot, ...]
    scalars: tuple[Scalar, ...]
    lazy: bool
    stages: tuple[Stage, ...]
    pooled: bool

    def slots_beside(self, axes: int) -> tuple[Slot, ...]:
        """The slots of a parameter with so many axes, under the names that they have there."""
        named = [(slot, slot.name_beside(axes)) for slot in self.slots]
        return tuple(replace(slot, name=name) for slot, name in named if name)

    @cached_property
    def factors(self) -> tuple[Slot, ...]:
        """The slots of rows and columns."""
        return tuple(slot for slot in self.slots if slot.of != "element")

    def transfers(self, elements: int) -> Counter[str]:
        """How often a step moves each array of the parameter's size, "p", "g" and slots, to or from memory.

        Args:
            elements: of the parameter; a small one is in a cache from its first stage to its last, unless others are
                swept in between.
        """
        cached = elements <= _core.cached_elements and not self.pooled
        reads = [name for stage in self.stages for name in stage.reads]
        writes = [name for stage in self.stages for name in stage.writes]
        count = Counter([*dict.fromkeys(reads), *dict.fromkeys(writes)] if cached else [*reads, *writes])
        for slot in self.factors:
            del count[slot.name]
        if self.factors:  # whose sums are made before the first stage, of all tensors
            count["g"] += 1
        return count

    @cached_property
    def hyperparameters(self) -> tuple[str, ...]:
        """The hyper-parameters by name, those of several numbers once."""
        return tuple(dict.fromkeys(hyper.partition("[")[0] for hyper in self.hypers))

    @cached_property
    def start_hyperparameters(self) -> tuple[str, ...]:
        """Those that state starts from."""
        starts = [*(slot.start for slot in self.slots), *(scalar.start for scalar in self.scalars)]
        return tuple(start for start in starts if isinstance(start, str))

    @cached_property
    def first_items(self) -> dict[str, int]:
        """Of which item on each hyper-parameter of several numbers is taken."""
        firsts: dict[str, int] = {}
        for hyper in self.hypers:
            name, _, item = hyper.partition("[")
            if item:
                firsts.setdefault(name, int(item[:-1]))
        return firsts

    @cached_property
    def _places(self) -> dict[str, int | slice]:
        """Where each hyper-parameter stands among those that the kernel takes: a number, or several of them."""
        names = ["maximize", *(hyper.partition("[")[0] for hyper in self.hypers)]
        firsts = {name: names.index(name) for name in names}
        return {
            name: slice(at, at + names.count(name)) if name in self.first_items else at for name, at in firsts.items()
        }

    def kernel_values(self, values: Mapping[str, Any]) -> NDArray[np.float64]:
        """The sign of the gradients and the hyper-parameters, as the kernel takes them."""
        numbers = np.empty(1 + len(self.hypers), np.float64)
        self.write_kernel_values(numbers, values, self._places)
        return numbers

    def write_kernel_values(
        self, numbers: NDArray[np.float64], values: Mapping[str, Any], names: Iterable[str]
    ) -> None:
        """Bring `kernel_values` up to values of which these may have changed."""
        for name in names:
            if (place := self._places.get(name)) is None:
                continue
            if name == "maximize":
                numbers[place] = -1.0 if values[name] else 1.0
            elif first := self.first_items.get(name):
                numbers[place] = values[name][first:]
            else:
                numbers[place] = values[name]


def _rule(row: _core.RuleRow) -> Rule:
    slots = tuple(Slot(*slot) for slot in row["slots"])
    scalars = tuple(Scalar(*scalar) for scalar in row["scalars"])
    stages = tuple(Stage(*stage) for stage in row["stages"])
    return Rule(row["name"], row["hypers"], slots, scalars, row["lazy"], stages, row["pooled"])


#: Every rule, by name.
RULES: dict[str, Rule] = {row["name"]: _rule(row) for row in _core.rules()}
