"""What may an argument of a schedule be? A schedule's fields carry their check in their type."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np

from onepass.hyperparameters import Flag, Real


@dataclass(frozen=True)
class Whole:
    """An integer that is not below a bound, kept as a Python int."""

    low: int

    def check(self, owner: str, name: str, value: Any) -> int:
        message = f"{owner}: {name} must be an int in [{self.low}, inf), got {value!r}"
        if not isinstance(value, int | np.integer) or isinstance(value, bool):
            raise TypeError(message)
        if value < self.low:
            raise ValueError(message)
        return int(value)


@dataclass(frozen=True)
class Sorted:
    """Integers in any order, kept sorted in a tuple."""

    item: Whole

    def check(self, owner: str, name: str, value: Any) -> tuple[int, ...]:
        if not isinstance(value, Iterable):
            raise TypeError(f"{owner}: {name} must be a sequence of ints, got {value!r}")
        return tuple(sorted(self.item.check(owner, f"{name}[{i}]", one) for i, one in enumerate(value)))


class Number(Real):
    """Any number: also an infinite one, also NaN."""

    def __contains__(self, value: float) -> bool:
        return True


@dataclass(frozen=True)
class OneOf:
    """One of these words."""

    words: tuple[str, ...]

    def check(self, owner: str, name: str, value: Any) -> str:
        if not isinstance(value, str) or value not in self.words:
            raise ValueError(f"{owner}: {name} must be {' or '.join(map(repr, self.words))}, got {value!r}")
        return value


@dataclass(frozen=True)
class Instance:
    """An object of this type."""

    kind: Any

    def check(self, owner: str, name: str, value: Any) -> Any:
        if not isinstance(value, self.kind):
            raise TypeError(f"{owner}: {name} must be a {self.kind.__name__}, got {value!r}")
        return value


Steps = Annotated[int, Whole(1)]
Patience = Annotated[int, Whole(0)]
Rate = Annotated[float, Real(0)]
Fraction = Annotated[float, Real(0, 1, includes_high=True)]
MomentumValue = Annotated[float, Real(0, 1)]
Divisor = Annotated[float, Real(0, includes_low=False)]
Switch = Annotated[bool, Flag()]
