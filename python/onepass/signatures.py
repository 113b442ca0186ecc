"""What does a rule take as a function? Derived from its declaration in C++ and the defaults of its class."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from inspect import Signature as PythonSignature
from typing import Any, Protocol, cast

import onepass.optimizers  # noqa: F401  (fills Optimizer.registry)
from onepass.arrays import Array
from onepass.checks import Check, Flag, Integer, checks_of
from onepass.optimizer.optimizer import Optimizer
from onepass.rules import RULES, Rule

__all__ = ["RuleFunction", "Signature", "choice_of", "signatures"]


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
        """What each slot of the parameter's shape holds: "first_moment", "second_moment" or "iterate"."""
        return {slot.name: slot.kind for slot in self.rule.slots if slot.of == "element"}

    @property
    def slots(self) -> tuple[str, ...]:
        return tuple(slot.name for slot in self.rule.slots)

    @property
    def scalars(self) -> tuple[str, ...]:
        return tuple(scalar.name for scalar in self.rule.scalars)

    def kept(self, param: Array, state: Mapping[str, Array]) -> dict[str, Array | None]:
        """What of an optimizer's state are arguments, by their names; None for what such a parameter does not have."""
        names = {slot.name: slot.name_beside(param.ndim) for slot in self.rule.slots}
        return {name: state[own] if own else None for name, own in names.items()} | {
            name: state[name] for name in self.scalars
        }

    def state(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The inverse of `kept`: what is there of the state among arguments.

        Raises:
            ValueError: naming the slot that such a parameter does not have.
        """
        axes = getattr(values["p"], "ndim", 0)
        state = {name: values[name] for name in (*self.kinds, *self.scalars)}
        for slot in self.rule.factors:
            if name := slot.name_beside(axes):
                state[name] = values[slot.name]
            elif values[slot.name] is not None:
                raise ValueError(f"{self.function_name}: {slot.name} must be None, as p has less than two axes")
        return state

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

    def dress(self, function: Any, summary: str, shown: PythonSignature | None = None) -> RuleFunction:
        """The function under the rule's name, with this signature or another, for help() and editors."""
        function.__name__ = function.__qualname__ = self.function_name
        function.__signature__ = shown or self.inspect()
        function.__doc__ = summary
        return cast(RuleFunction, function)

    def bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        """All arguments by name, the hyper-parameters checked.

        Raises:
            TypeError, ValueError: naming the function and the argument.
        """
        return self.bind_as(self.inspect(), {"step": _STEP}, args, kwargs)

    def bind_as(
        self, shown: PythonSignature, more: Mapping[str, Check], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> dict[str, Any]:
        """As `bind`, for a function with other arguments beside the hyper-parameters.

        Args:
            more: checks of some of these.
        """
        try:
            bound = shown.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{self.function_name}: {error}; it takes {shown}") from None
        bound.apply_defaults()
        values: dict[str, Any] = bound.arguments
        checks = {**checks_of(self.optimizer), **more}
        for name in (*more, *self.defaults, "maximize"):
            values[name] = checks[name].check(self.function_name, name, values[name])
        for name, first in self.rule.first_items.items():
            if any(values[name][:first]):
                raise ValueError(
                    f"{self.function_name}: {name} must begin with {first} zero, got {values[name]!r}; other rules of "
                    f"{self.optimizer.__name__} keep the state that it needs"
                )
        return values


def choice_of(rule: str, cls: type[Optimizer]) -> dict[str, Any]:
    """The hyper-parameters with which a class chooses one of its rules, beside its defaults."""
    defaults, checks = {name: field.default for name, field in cls.hyperparameters.items()}, checks_of(cls)
    flags = [name for name in defaults if isinstance(checks[name], Flag) and name != "maximize"]
    switches: dict[str, tuple[Any, ...]] = dict.fromkeys(flags, (False, True))
    if "momentum" in defaults:
        switches["momentum"] = (defaults["momentum"] or 0.0, 0.9)
    if "betas" in defaults:
        switches["betas"] = (defaults["betas"], (0.0, *defaults["betas"][1:]))
    for values in itertools.product(*switches.values()):
        choice = dict(zip(switches, values, strict=True))
        try:
            found = cls.rule({**defaults, **choice})
        except ValueError:
            continue
        if found == rule:
            return choice
    raise AssertionError(f"no hyper-parameters of {cls.__name__} choose the rule {rule!r}")


def _signature(rule: Rule) -> Signature:
    owners = [cls for cls in Optimizer.registry.values() if rule.name in cls.rules]
    owner = next((cls for cls in owners if cls.__name__.lower() == rule.name), owners[0])
    defaults = {name: getattr(owner, name) for name in rule.hyperparameters}
    for name, first in rule.first_items.items():
        defaults[name] = (0.0,) * first + defaults[name][first:]
    return Signature(rule, owner, defaults)


_STEP = Integer(1)
#: The signature of every rule, by name.
signatures: dict[str, Signature] = {name: _signature(rule) for name, rule in RULES.items()}
