"""What does a rule take as a function? Derived from its declaration in C++ and the defaults of its class."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any, Protocol, cast

import onepass.optimizers  # noqa: F401  (fills Optimizer.registry)
from onepass import _core
from onepass.groups import Array
from onepass.hyperparameters import check
from onepass.optimizer import Optimizer

__all__ = ["RuleFunction", "Signature", "signatures"]


class RuleFunction(Protocol):
    """A rule as a function that updates its arrays in place."""

    __name__: str

    def __call__(self, p: Array, g: Array, *slots: Array, **hyperparameters: Any) -> None: ...


@dataclass(frozen=True)
class Signature:
    """A rule's arguments: p, g and the slots by position or name, the rest by name."""

    rule: str
    optimizer: type[Optimizer]
    slots: tuple[str, ...]
    scalars: tuple[str, ...]
    defaults: dict[str, Any]

    @property
    def function_name(self) -> str:
        return f"{self.rule}_"

    @property
    def kinds(self) -> dict[str, str]:
        """What each slot holds: "first_moment", "second_moment" or "iterate"."""
        return dict(zip(self.slots, _core.rules()[self.rule][3], strict=True))

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
        step = values["step"]
        if not isinstance(step, int) or isinstance(step, bool) or step < 1:
            raise ValueError(f"{self.function_name}: step must be an int in [1, inf), got {step!r}")
        for name in (*self.defaults, "maximize"):
            values[name] = check(self.function_name, name, values[name])
        return values


def _signature(rule: str) -> Signature:
    hypers, slots, scalars, _ = _core.rules()[rule]
    owners = [cls for cls in Optimizer.registry.values() if rule in cls.rules]
    owner = next((cls for cls in owners if cls.__name__.lower() == rule), owners[0])
    defaults = inspect.signature(owner).parameters
    names = dict.fromkeys(hyper.partition("[")[0] for hyper in hypers)
    return Signature(rule, owner, slots, scalars, {name: defaults[name].default for name in names})


#: The signature of every rule, by name.
signatures: dict[str, Signature] = {rule: _signature(rule) for rule in _core.rules()}
