"""What does a rule take as a function? Derived from its declaration in C++ and the defaults of its class."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any, Protocol, cast

import onepass.optimizers  # noqa: F401  (fills Optimizer.registry)
from onepass.arrays import Array
from onepass.checks import Integer, checks_of
from onepass.optimizer.optimizer import Optimizer
from onepass.rules import RULES, Rule

__all__ = ["RuleFunction", "Signature", "signatures"]


class RuleFunction(Protocol):
    """A rule as a function that updates its arrays in place."""

    __name__: str

    def __call__(self, p: Array, g: Array, *slots: Array, **hyperparameters: Any) -> None: ...


@dataclass(frozen=True)
class Signature:
    """A rule's arguments: p, g and the slots by position or name, the rest by name."""

    rule: Rule
    optimizer: type[Optimizer]
    defaults: dict[str, Any]

    @property
    def function_name(self) -> str:
        return f"{self.rule.name}_"

    @property
    def kinds(self) -> dict[str, str]:
        """What each slot holds: "first_moment", "second_moment" or "iterate"."""
        return {slot.name: slot.kind for slot in self.rule.slots}

    @property
    def slots(self) -> tuple[str, ...]:
        return tuple(slot.name for slot in self.rule.slots)

    @property
    def scalars(self) -> tuple[str, ...]:
        return tuple(scalar.name for scalar in self.rule.scalars)

    def inspect(self) -> inspect.Signature:
        positional = [
            inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in ("p", "g", *self.slots)
        ]
        by_name = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY) for name in ("step", *self.scalars)]
        with_default = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=value)
            for name, value in {**self.defaults, "maximize": False}.items()
        ]
        return inspect.Signature([*positional, *by_name, *with_default], return_annotation=None)

    def dress(self, function: Any, summary: str) -> RuleFunction:
        """The function under the rule's name, with this signature, for help() and editors."""
        function.__name__ = function.__qualname__ = self.function_name
        function.__signature__ = self.inspect()
        function.__doc__ = summary
        return cast(RuleFunction, function)

    def bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        """All arguments by name, the hyper-parameters checked.

        Raises:
            TypeError, ValueError: naming the function and the argument.
        """
        try:
            bound = self.inspect().bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{self.function_name}: {error}; it takes {self.inspect()}") from None
        bound.apply_defaults()
        values = bound.arguments
        checks = {**checks_of(self.optimizer), "step": _STEP}
        for name in ("step", *self.defaults, "maximize"):
            values[name] = checks[name].check(self.function_name, name, values[name])
        return values


def _signature(rule: Rule) -> Signature:
    owners = [cls for cls in Optimizer.registry.values() if rule.name in cls.rules]
    owner = next((cls for cls in owners if cls.__name__.lower() == rule.name), owners[0])
    return Signature(rule, owner, {name: getattr(owner, name) for name in rule.hyperparameters})


_STEP = Integer(1)
#: The signature of every rule, by name.
signatures: dict[str, Signature] = {name: _signature(rule) for name, rule in RULES.items()}
