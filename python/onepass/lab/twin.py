"""What would plain NumPy have done? An optimizer's double that runs the reference formulas on copies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from onepass.groups import Array
from onepass.optimizer import Optimizer
from onepass.reference import formula_of
from onepass.signatures import signatures


@dataclass(frozen=True)
class _Double:
    """One parameter, its state and what is done to it."""

    formula: Callable[..., None]
    param: Array
    state: dict[str, Array]
    hyperparameters: dict[str, Any]
    maximize: bool

    def step(self, number: int, gradient: Array) -> None:
        gradient = -gradient if self.maximize else gradient
        self.formula(self.param, gradient, **self.state, step=number, **self.hyperparameters)


class NumPyTwin:
    """Starts as the optimizer stands, on copies of its parameters and state, and makes the same steps in NumPy.

    Args:
        optimizer: built from named parameters and not stepped yet; what is set in its groups later does not reach
            the twin.

    Raises:
        ValueError: the parameters have no names.
    """

    def __init__(self, optimizer: Optimizer) -> None:
        self._doubles: dict[str, _Double] = {}
        states = iter(optimizer.state)
        for group in optimizer.param_groups:
            if group.names is None:
                raise ValueError("NumPyTwin: the optimizer's parameters must be given as a dict by name")
            signature = signatures[group.rule]
            values = {name: group[name] for name in signature.defaults}
            for name, param, state in zip(group.names, group.params, states, strict=False):
                own = {slot: state[slot].copy() for slot in (*signature.slots, *signature.scalars)}
                self._doubles[name] = _Double(formula_of(signature), param.copy(), own, values, group["maximize"])
        self._steps = 0

    def step(self, gradients: Mapping[str, Array]) -> None:
        """Update every parameter, as `Optimizer.step` does."""
        self._steps += 1
        with np.errstate(all="ignore"):
            for name, double in self._doubles.items():
                double.step(self._steps, gradients[name])

    def has_bits_of(self, optimizer: Optimizer) -> bool:
        """Whether parameters and state are the optimizer's, bit for bit."""
        return all(
            ours.tobytes() == theirs.tobytes()
            for double, param, state in zip(self._doubles.values(), optimizer.params, optimizer.state, strict=True)
            for ours, theirs in [(double.param, param), *((array, state[slot]) for slot, array in double.state.items())]
        )
