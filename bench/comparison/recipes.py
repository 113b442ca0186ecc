"""Which optimizers are compared, and with which hyper-parameters? Every rule, enumerated from onepass itself."""

from __future__ import annotations

import inspect
import itertools
from dataclasses import dataclass
from typing import Any

from onepass.hyperparameters import KINDS, Flag
from onepass.optimizer import Optimizer
from onepass.signatures import Signature, signatures


@dataclass(frozen=True)
class Recipe:
    """A rule as one class spells it, with a value for every hyper-parameter, so that all contenders get the same."""

    rule: str
    optimizer: type[Optimizer]
    hypers: dict[str, Any]

    @property
    def signature(self) -> Signature:
        return signatures[self.rule]

    @property
    def slots(self) -> int:
        return len(self.signature.slots)

    def bytes_moved(self, elements: int, itemsize: int) -> int:
        """Read parameter, gradient and slots; write parameter and slots."""
        return elements * itemsize * (2 + self.slots + 1 + self.slots)


def recipes(rule: str) -> list[Recipe]:
    """One for each class that can run the rule; the class that onepass documents it under comes first."""
    owners = [cls for cls in Optimizer.registry.values() if rule in cls.rules]
    owners.sort(key=lambda cls: cls is not signatures[rule].optimizer)
    return [Recipe(rule, cls, _hypers(rule, cls)) for cls in owners]


def _hypers(rule: str, cls: type[Optimizer]) -> dict[str, Any]:
    """The defaults, but for what it takes to choose the rule; decoupled decay is switched on where there is any."""
    parameters = inspect.signature(cls).parameters.values()
    defaults = {one.name: one.default for one in parameters if one.default is not one.empty}
    flags = [name for name in defaults if isinstance(KINDS[name], Flag) and name != "maximize"]
    choices: dict[str, tuple[Any, ...]] = dict.fromkeys(flags, (False, True))
    if "momentum" in defaults:
        choices["momentum"] = (defaults["momentum"] or 0.0, 0.9)
    for chosen in itertools.product(*choices.values()):
        hypers = {**defaults, **dict(zip(choices, chosen, strict=True))}
        try:
            found = cls.rule(hypers)
        except ValueError:
            continue
        if found == rule:
            return hypers | ({"weight_decay": 0.01} if hypers.get("decoupled_weight_decay") else {})
    raise AssertionError(f"no hyper-parameters of {cls.__name__} choose the rule {rule!r}")
