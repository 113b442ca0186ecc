"""What is a claim, and what comes of testing it? Its verdict follows from checks, each a comparison of numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

import numpy as np

from onepass.lab.claims.chart import Chart


class Verdict(Enum):
    """What the checks say together: all are met, some are, none is."""

    HOLDS = "holds"
    DEPENDS = "depends"
    FAILS = "fails"


@dataclass(frozen=True)
class Check:
    """One thing that must be so if the claim is true, and whether it is."""

    criterion: str
    met: bool | np.bool_

    def __post_init__(self) -> None:
        object.__setattr__(self, "met", bool(self.met))  # from NumPy comparisons, which JSON does not know


@dataclass(frozen=True)
class Number:
    """A result.

    Attributes:
        name: unlike the others of its claim; what stands before a colon is the quantity, which several may share.
        theory: what it must be, where theory says so exactly.
        tolerance: by how much it may differ from that.
    """

    name: str
    value: float
    theory: float | None = None
    tolerance: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", float(self.value))
        object.__setattr__(self, "theory", None if self.theory is None else float(self.theory))

    @property
    def missed(self) -> bool:
        """Theory says something else; NaN is always something else."""
        return self.theory is not None and not abs(self.value - self.theory) <= self.tolerance

    def __str__(self) -> str:
        theory = "" if self.theory is None else f" ({'NOT ' * self.missed}theory {_short(self.theory)})"
        return f"{self.name} = {_short(self.value)}{theory}"


@dataclass(frozen=True)
class Outcome:
    """What came of an experiment: the checks that decide, the numbers they rest on, and what they look like."""

    checks: tuple[Check, ...]
    numbers: tuple[Number, ...]
    chart: Chart

    @property
    def verdict(self) -> Verdict:
        met = [check.met for check in self.checks]
        if all(met):
            return Verdict.HOLDS
        return Verdict.DEPENDS if any(met) else Verdict.FAILS

    @property
    def missed(self) -> tuple[Number, ...]:
        """The numbers that are not what theory says."""
        return tuple(number for number in self.numbers if number.missed)


@dataclass(frozen=True)
class Setup:
    """How an experiment is run: from which seed, and whether it is to be short."""

    seed: int = 0
    quick: bool = False

    def rng(self) -> np.random.Generator:
        return np.random.default_rng(self.seed)


@dataclass(frozen=True)
class Claim:
    """Something that is said about optimizers.

    Attributes:
        name: how the command line calls it.
        source: who says it, or where the experiment comes from.
    """

    name: str
    statement: str
    source: str
    experiment: Callable[[Setup], Outcome]


def _short(value: float) -> str:
    """Four digits, and whole numbers in full."""
    return f"{value:,.0f}" if value.is_integer() and abs(value) < 1e9 else f"{value:.4g}"
