"""Which values may a hyper-parameter take? One row per name: a name means the same in every optimizer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

Value = float | bool | tuple[float, float]


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
        if isinstance(value, np.ndarray) and value.ndim == 0:
            value = value[()]
        is_number = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
        if not is_number:
            raise TypeError(f"{owner}: {name} must be a real number, got {value!r}")
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if number not in self:
            raise ValueError(f"{owner}: {name} must be {self}, got {value!r}")
        return number


@dataclass(frozen=True)
class Pair:
    """Two numbers, each in its own interval, kept as a tuple."""

    first: Real
    second: Real

    def check(self, owner: str, name: str, value: Any) -> tuple[float, float]:
        if not isinstance(value, tuple | list) or len(value) != 2:
            raise TypeError(f"{owner}: {name} must be a pair of numbers, got {value!r}")
        return (
            self.first.check(owner, f"{name}[0]", value[0]),
            self.second.check(owner, f"{name}[1]", value[1]),
        )


@dataclass(frozen=True)
class Flag:
    """True or False."""

    def check(self, owner: str, name: str, value: Any) -> bool:
        if not isinstance(value, bool | np.bool_):
            raise TypeError(f"{owner}: {name} must be True or False, got {value!r}")
        return bool(value)


@dataclass(frozen=True)
class Integer:
    """An int in [low, high)."""

    low: int
    high: float = math.inf

    def check(self, owner: str, name: str, value: Any) -> int:
        if not isinstance(value, int | np.integer) or isinstance(value, bool):
            raise TypeError(f"{owner}: {name} must be an int, got {value!r}")
        if not self.low <= value < self.high:
            raise ValueError(f"{owner}: {name} must be in [{self.low}, {self.high}), got {value!r}")
        return int(value)


@dataclass(frozen=True)
class Choice:
    """One of some strings."""

    values: tuple[str, ...]

    def check(self, owner: str, name: str, value: Any) -> str:
        if not isinstance(value, str) or value not in self.values:
            raise ValueError(f"{owner}: {name} must be one of {', '.join(map(repr, self.values))}, got {value!r}")
        return value


@dataclass(frozen=True)
class Unset:
    """What another kind takes, or None."""

    kind: Real | Choice

    def check(self, owner: str, name: str, value: Any) -> float | str | None:
        return None if value is None else self.kind.check(owner, name, value)


_not_negative = Real(0)
_averaging = Real(0, 1)

KINDS: dict[str, Real | Pair | Flag] = {
    "lr": _not_negative,
    "momentum": _not_negative,
    "dampening": Real(),
    "weight_decay": _not_negative,
    "eps": _not_negative,
    "alpha": _not_negative,
    "rho": Real(0, 1, includes_high=True),
    "betas": Pair(_averaging, _averaging),
    "lr_decay": _not_negative,
    "initial_accumulator_value": _not_negative,
    "momentum_decay": _not_negative,
    "lambd": _not_negative,
    "t0": Real(),
    "etas": Pair(Real(0, 1, includes_low=False), Real(1, includes_low=False)),
    "step_sizes": Pair(_not_negative, _not_negative),
    "nesterov": Flag(),
    "amsgrad": Flag(),
    "centered": Flag(),
    "decoupled_weight_decay": Flag(),
    "maximize": Flag(),
}


def check(owner: str, name: str, value: Any) -> Value:
    """The value as it is kept, or an error that names the owner, the hyper-parameter and its range."""
    return KINDS[name].check(owner, name, value)
