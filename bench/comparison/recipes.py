"""Which optimizers are compared, and with which hyper-parameters? Every rule, enumerated from onepass itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from comparison.cases import Case
from comparison.formats import FORMATS
from comparison.steps import PLAIN, Step
from onepass.optimizer import Optimizer
from onepass.signatures import Signature, choice_of, signatures


@dataclass(frozen=True)
class Recipe:
    """A rule as one class spells it, with a value for every hyper-parameter, so that all contenders get the same.

    Attributes:
        step: what else the step does.
    """

    rule: str
    optimizer: type[Optimizer]
    hypers: dict[str, Any]
    step: Step = PLAIN

    @property
    def signature(self) -> Signature:
        return signatures[self.rule]

    @property
    def slots(self) -> int:
        return len(self.signature.kinds)

    def bytes_moved(self, case: Case, dtype: str) -> float:
        """By all sweeps over memory; gradients are read once more if their norm must be known first."""
        return sum(
            touched * self._bytes_of_element(elements, dtype)
            for elements, touched in zip(case.sizes, case.touched, strict=True)
        )

    def _bytes_of_element(self, elements: int, dtype: str) -> float:
        size, options = FORMATS[dtype].bytes, self.step.options
        state, compute = FORMATS[self.step.state_dtype(dtype)].bytes, 8 if dtype == "float64" else 4
        moved = self.signature.rule.transfers(elements)
        moved["g"] += ("clip_norm" in options) + ("zero_grad" in options)
        each = sum(times * (size if name in ("p", "g") else state) for name, times in moved.items())
        each += 2 * compute if "ema" in options else 0
        each += FORMATS[options["mirror"]].bytes if "mirror" in options else 0
        return each


def recipes(rule: str, step: Step = PLAIN) -> list[Recipe]:
    """One for each class that can run the rule; the class that onepass documents it under comes first."""
    owners = [cls for cls in Optimizer.registry.values() if rule in cls.rules]
    owners.sort(key=lambda cls: cls is not signatures[rule].optimizer)
    return [Recipe(rule, cls, _hypers(rule, cls), step) for cls in owners]


def _hypers(rule: str, cls: type[Optimizer]) -> dict[str, Any]:
    """The defaults, but for what it takes to choose the rule; decoupled decay is switched on where there is any."""
    defaults = {name: field.default for name, field in cls.hyperparameters.items()}
    hypers = defaults | choice_of(rule, cls)
    return hypers | ({"weight_decay": 0.01} if hypers.get("decoupled_weight_decay") else {})
