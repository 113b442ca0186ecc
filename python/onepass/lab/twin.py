"""What would plain NumPy have done? An optimizer's double that runs the reference formulas on copies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

from onepass.groups import Array
from onepass.optimizer import Optimizer
from onepass.signatures import Signature, signatures


@dataclass(frozen=True)
class _Double:
    """One parameter, its state and its formula."""

    formula: Callable[..., None]
    param: Array
    state: dict[str, Array]
    hyperparameters: dict[str, Any]


class NumPyTwin:
    """Starts as the optimizer stands, on copies of its parameters and state, and makes the same steps in NumPy.

    Args:
        optimizer: built from named parameters; it may still be stepped, the twin does not follow its later settings.
    """

    def __init__(self, optimizer: Optimizer) -> None:
        self._doubles: dict[str, _Double] = {}
        states = iter(optimizer.state)
        for group in optimizer.param_groups:
            signature = signatures[group.rule]
            values = {name: group[name] for name in signature.defaults}
            for name, param, state in zip(group.names or (), group.params, states, strict=False):
                own = {slot: state[slot].copy() for slot in (*signature.slots, *signature.scalars)}
                self._doubles[name] = _Double(_formula(signature), param.copy(), own, values)
        self._sign = -1 if optimizer.param_groups[0]["maximize"] else 1
        self._steps = 0

    def step(self, gradients: Mapping[str, Array]) -> None:
        """Update every parameter, as `Optimizer.step` does."""
        self._steps += 1
        with np.errstate(all="ignore"):
            for name, double in self._doubles.items():
                gradient = gradients[name] if self._sign > 0 else -gradients[name]
                double.formula(double.param, gradient, **double.state, step=self._steps, **double.hyperparameters)

    def has_bits_of(self, optimizer: Optimizer) -> bool:
        """Whether parameters and state are the optimizer's, bit for bit."""
        return all(
            ours.tobytes() == theirs.tobytes()
            for double, param, state in zip(self._doubles.values(), optimizer.params, optimizer.state, strict=True)
            for ours, theirs in [(double.param, param), *((array, state[slot]) for slot, array in double.state.items())]
        )


def _formula(signature: Signature) -> Callable[..., None]:
    """The function behind `onepass.reference`, without the argument checks, which take longer than small updates do."""
    module = signature.optimizer.__module__.rpartition(".")[2]
    formula: Callable[..., None] = getattr(import_module(f"onepass.reference.{module}"), signature.function_name)
    return formula
