"""What must a contender do? Build itself for a problem, step, and show its parameters."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar

from comparison.cases import Problem
from comparison.recipes import Recipe
from onepass.groups import Array


class Unavailable(Exception):
    """The contender cannot run on this machine; the message says why."""


class Contender(ABC):
    """One library's way to step; each is built on a copy of the problem's parameters in its library's own memory."""

    name: ClassVar[str]
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
    def offers(cls, recipe: Recipe, problem: Problem) -> bool:
        """Whether it has this optimizer, for this dtype and this many tensors."""
        return True

    @abstractmethod
    def __init__(self, recipe: Recipe, problem: Problem) -> None: ...

    @abstractmethod
    def params(self) -> Sequence[Array]: ...

    def take_gradients(self, gradients: Sequence[Array]) -> None:  # noqa: B027
        """The problem's gradients have changed; a contender that reads those very arrays need not care."""
