"""pytorch-optimizer, which has in torch what torch lacks: one operation after the other, eagerly."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytorch_optimizer

from comparison.cases import Problem
from comparison.contenders.pytorch import OnTensors
from comparison.contenders.torch_arrays import as_array
from comparison.recipes import Recipe

#: What makes the classes that mean what ours do, beside hyper-parameters of the same names.
_GIVEN: dict[str, dict[str, Any]] = {
    "adabelief": {"weight_decouple": True},
    "adan": {},
    "ademamix": {"weight_decouple": True},
    "adopt": {"weight_decouple": True},
    "lamb": {"weight_decouple": False},
    "lars": {},
    "laprop": {},
    "mars": {"weight_decouple": True, "optimize_1d": True},
    "novograd": {},
    "prodigy": {},
    "stableadamw": {},
    "yogi": {"weight_decouple": True},
}
_NAMES = {"initial_accumulator_value": "initial_accumulator", "use_bias_correction": "bias_correction"}
_NOT_THERE = {"alpha_warmup", "beta3_warmup"}
_DIFFERENCES = {
    "adopt": "the limit is one step ahead",
    "lamb": "moments not corrected for their start, norms limited to 10",
    "laprop": "eps inside the root as well",
    "lars": "vectors without ratio",
    "yogi": "the first moment starts at 1e-6",
}


class FromRegistry(OnTensors):
    """As it comes: multi-tensor where the class has that."""

    name = "pytorch-optimizer"

    @classmethod
    def offers(cls, recipe: Recipe, problem: Problem) -> bool:
        return recipe.rule in _GIVEN

    def __init__(self, recipe: Recipe, problem: Problem) -> None:
        super().__init__(recipe, problem)
        self.differs = _DIFFERENCES.get(recipe.rule)
        name = "Lamb" if recipe.rule == "lamb" else recipe.optimizer.__name__
        factory: Callable[..., Any] = getattr(pytorch_optimizer, name)
        hypers = {_NAMES.get(key, key): value for key, value in recipe.hypers.items() if key not in _NOT_THERE}
        self._optimizer = factory(self._tensors, **{**hypers, **_GIVEN[recipe.rule]})
        self.step = self._step
        self.restore = partial(problem.refill, [as_array(gradient) for gradient in self._gradients])  # some use it up

    def _step(self) -> None:
        self._optimizer.step()
