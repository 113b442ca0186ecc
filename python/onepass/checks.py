"""Which values may an argument take? A field's type says it; an error names the field and what it takes."""

from __future__ import annotations

import math
import types
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, ClassVar, Literal, Protocol, Union, get_args, get_origin, get_type_hints

import numpy as np

#: The largest count: up to here every integer is a double.
MAX_COUNT = 2**53


class Check(Protocol):
    """Says which values an argument may take."""

    def check(self, owner: str, name: str, value: Any) -> Any:
        """The value as it is kept.

        Raises:
            TypeError, ValueError: naming the owner, the argument and what it may be.
        """


def _number(value: Any, kinds: Any) -> Any:
    """The value, or what a 0-dimensional array holds, if it is of these kinds; else None."""
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    return value if isinstance(value, kinds) and not isinstance(value, bool | np.timedelta64) else None


@dataclass(frozen=True)
class Real:
    """A number in an interval, kept as a Python float; infinity only where the interval includes it as its end."""

    low: float = -math.inf
    high: float = math.inf
    includes_low: bool = True
    includes_high: bool = False

    def __str__(self) -> str:
        if self.low == -math.inf and self.high == math.inf:
            return "finite"
        left = "[" if self.includes_low and math.isfinite(self.low) else "("
        right = "]" if self.includes_high else ")"
        return f"in {left}{self.low:g}, {self.high:g}{right}"

    def __contains__(self, value: float) -> bool:
        above = self.low <= value if self.includes_low else self.low < value
        below = value <= self.high if self.includes_high else value < self.high
        return above and below and value > -math.inf

    def check(self, owner: str, name: str, value: Any) -> float:
        if type(value) is float and self.low < value < self.high:  # nearly always
            return value
        number = _number(value, int | float | np.integer | np.floating)
        if number is None:
            raise TypeError(f"{owner}: {name} must be a real number, got {value!r}")
        try:
            number = float(number)
        except OverflowError:
            number = math.inf
        if number not in self:
            raise ValueError(f"{owner}: {name} must be {self}, got {value!r}")
        return number


class Number(Real):
    """Any number: also an infinite one, also NaN."""

    def __contains__(self, value: float) -> bool:
        return True


@dataclass(frozen=True)
class Integer:
    """An integer in [low, high), kept as a Python int."""

    low: int
    high: float = math.inf

    def check(self, owner: str, name: str, value: Any) -> int:
        message = f"{owner}: {name} must be an int in [{self.low}, {self.high}), got {value!r}"
        number = _number(value, int | np.integer)
        if number is None:
            raise TypeError(message)
        if not self.low <= number < self.high:
            raise ValueError(message)
        return int(number)


@dataclass(frozen=True)
class Flag:
    """True or False."""

    def check(self, owner: str, name: str, value: Any) -> bool:
        if not isinstance(value, bool | np.bool_):
            raise TypeError(f"{owner}: {name} must be True or False, got {value!r}")
        return bool(value)


@dataclass(frozen=True)
class Choice:
    """One of some strings."""

    values: tuple[str, ...]

    def check(self, owner: str, name: str, value: Any) -> str:
        if not isinstance(value, str) or value not in self.values:
            raise ValueError(f"{owner}: {name} must be one of {', '.join(map(repr, self.values))}, got {value!r}")
        return value


@dataclass(frozen=True)
class Items:
    """So many values, each with its own check, kept as a tuple."""

    items: tuple[Check, ...]

    def check(self, owner: str, name: str, value: Any) -> tuple[Any, ...]:
        count = len(self.items)
        if not isinstance(value, tuple | list) or len(value) != count:
            what = {2: "a pair", 3: "a triple"}.get(count, f"a sequence of {count}")
            raise TypeError(f"{owner}: {name} must be {what} of numbers, got {value!r}")
        return tuple(
            item.check(owner, f"{name}[{i}]", one) for i, (item, one) in enumerate(zip(self.items, value, strict=True))
        )


@dataclass(frozen=True)
class Sorted:
    """Integers in any order, kept sorted in a tuple."""

    item: Integer

    def check(self, owner: str, name: str, value: Any) -> tuple[int, ...]:
        if not isinstance(value, Iterable):
            raise TypeError(f"{owner}: {name} must be a sequence of ints, got {value!r}")
        return tuple(sorted(self.item.check(owner, f"{name}[{i}]", one) for i, one in enumerate(value)))


@dataclass(frozen=True)
class Instance:
    """An object of this type."""

    kind: Any

    def check(self, owner: str, name: str, value: Any) -> Any:
        if not isinstance(value, self.kind):
            raise TypeError(f"{owner}: {name} must be a {self.kind.__name__}, got {value!r}")
        return value


@dataclass(frozen=True)
class Unset:
    """What another check takes, or None."""

    given: Check

    def check(self, owner: str, name: str, value: Any) -> Any:
        return None if value is None else self.given.check(owner, name, value)


# Fields of these types, and of bool, Literal[...], tuple[...] and `... | None`, carry their check.
Finite = Annotated[float, Real()]
NotNegative = Annotated[float, Real(0)]
Positive = Annotated[float, Real(0, includes_low=False)]
Limit = Annotated[float, Real(0, includes_low=False, includes_high=True)]
Fraction = Annotated[float, Real(0, 1, includes_high=True)]
Averaging = Annotated[float, Real(0, 1)]
Count = Annotated[int, Integer(1)]
CountOrZero = Annotated[int, Integer(0)]


def check_of(hint: Any) -> Check | None:
    """The check that a type carries, if it does."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        check: Check = hint.__metadata__[0]
        return check
    if origin is Literal:
        return Choice(arguments)
    if origin in (Union, types.UnionType) and type(None) in arguments:
        (given,) = (check_of(one) for one in arguments if one is not type(None))
        return given and Unset(given)
    if origin is tuple:
        items = tuple(check_of(one) for one in arguments)
        return None if None in items else Items(items)  # type: ignore[arg-type]
    return Flag() if hint is bool else None


def checks_of(cls: type) -> dict[str, Check]:
    """The checks of a class's fields, by name, in their order."""
    return _checks_of(cls)


@cache
def _checks_of(cls: type) -> dict[str, Check]:
    found = ((name, check_of(hint)) for name, hint in get_type_hints(cls, include_extras=True).items())
    return {name: check for name, check in found if check is not None}


class Checked:
    """A dataclass whose fields are checked when it is built."""

    #: What opens error messages, if not the name of the class.
    owner: ClassVar[str] = ""

    def __post_init__(self) -> None:
        owner = self.owner or type(self).__name__
        for name, check in checks_of(type(self)).items():
            # Past the freeze, which is there so that no value changes behind its check.
            object.__setattr__(self, name, check.check(owner, name, getattr(self, name)))


def require_keys(where: str, mapping: Any, wanted: set[str], hint: str = "") -> None:
    """Raise TypeError or ValueError, naming them, unless a mapping has these keys and no others."""
    if not isinstance(mapping, Mapping):
        raise TypeError(f"{where} must be a dict, got {type(mapping).__name__}")
    if missing := wanted - mapping.keys():
        raise ValueError(f"{where} lacks {', '.join(map(repr, sorted(missing)))}{hint}")
    if extra := mapping.keys() - wanted:
        raise ValueError(f"{where} has the unknown key {', '.join(map(repr, sorted(extra, key=str)))}{hint}")


def check_count(where: str, value: Any, least: int = 0) -> None:
    """Raise TypeError or ValueError, naming it, unless this is an int in [least, 2**53]."""
    if _number(value, int | np.integer) is None:
        raise TypeError(f"{where} must be an int, got {value!r}")
    if not least <= value <= MAX_COUNT:
        raise ValueError(f"{where} must be in [{least}, 2**53], got {value!r}")
