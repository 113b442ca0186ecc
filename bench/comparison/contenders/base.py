"""What must a contender do? Build itself for a problem, step, and show what became of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

from comparison.cases import Problem
from comparison.recipes import Recipe
from onepass.arrays import Array


class Unavailable(Exception):
    """The contender cannot run on this machine; the message says why."""


class Contender(ABC):
    """One library's way to step; each is built on a copy of the problem's parameters in its library's own memory."""

    name: ClassVar[str]
    #: The dtypes of parameters and gradients that it takes.
    dtypes: ClassVar[Sequence[str]] = ("float32", "float64")
    #: The options of a step that it knows, beside the rule.
    options: ClassVar[frozenset[str]] = frozenset()
    #: Whether gradients may have some rows only.
    takes_rows: ClassVar[bool] = False
    #: Arrays of the size of all parameters that it keeps beside its parameters and state.
    extra_arrays: ClassVar[int] = 0
    #: Whether its parameters can be compared with those of onepass.
    is_optimizer: ClassVar[bool] = True

    #: One step: when it returns, the parameters are updated.
    step: Callable[[], object]
    #: Called before each step, not timed, where a step leaves something behind that must be put right.
    restore: Callable[[], object] | None = None
    #: What a reader should know beside the numbers.
    remark: str = ""
    #: Why it cannot agree with onepass closely, where its formula differs; None if it should to rounding.
    differs: str | None = None

    @classmethod
    def suits(cls, recipe: Recipe, problem: Problem) -> bool:
        """Whether it can do this step on these tensors."""
        return (
            problem.dtype.name in cls.dtypes
            and recipe.step.options.keys() <= cls.options
            and (cls.takes_rows or problem.case.rows is None)
            and cls.offers(recipe, problem)
        )

    @classmethod
    def offers(cls, recipe: Recipe, problem: Problem) -> bool:
        """Whether it has this optimizer, for this many tensors and this state."""
        return True

    @abstractmethod
    def __init__(self, recipe: Recipe, problem: Problem) -> None: ...

    @abstractmethod
    def params(self) -> Sequence[Array]: ...

    def written(self) -> Mapping[str, Sequence[Array]]:
        """What a step writes beside parameters and state, where its options say so: averages, copies, gradients."""
        return {}

    def take_gradients(self, gradients: Sequence[Array]) -> None:  # noqa: B027
        """The problem's gradients have changed; a contender that reads those very arrays need not care."""
