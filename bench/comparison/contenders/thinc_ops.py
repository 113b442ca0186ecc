"""thinc's optimizers on NumPy arrays: float32, one thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from thinc.optimizers import SGD, Adam, Optimizer, RAdam

from comparison.cases import Problem
from comparison.contenders.base import Contender
from comparison.recipes import Recipe
from onepass.arrays import Array


def _adam(hypers: dict[str, Any]) -> dict[str, Any]:
    beta1, beta2 = hypers["betas"]
    return {"beta1": beta1, "beta2": beta2, "eps": hypers["eps"], "L2": hypers["weight_decay"]}


_EPS_HAT = "eps is added before the bias correction"
_OPTIMIZERS: dict[str, tuple[Callable[..., Optimizer], Callable[[dict[str, Any]], dict[str, Any]], str | None]] = {
    "sgd": (SGD, lambda hypers: {"L2": hypers["weight_decay"]}, None),
    "adam": (Adam, _adam, _EPS_HAT),
    "adamw": (Adam, _adam, _EPS_HAT),
    "radam": (RAdam, _adam, "counts its steps from 2"),
}


class Thinc(Contender):
    """Called tensor by tensor, as its models do. It uses the gradient up, so that this is restored before each step."""

    name = "thinc"
    dtypes = ("float32",)
    extra_arrays = 1

    @classmethod
    def offers(cls, recipe: Recipe, problem: Problem) -> bool:
        return recipe.rule in _OPTIMIZERS

    def __init__(self, recipe: Recipe, problem: Problem) -> None:
        factory, options, self.differs = _OPTIMIZERS[recipe.rule]
        self._optimizer: Any = factory(
            recipe.hypers["lr"], **options(recipe.hypers), grad_clip=0.0, use_averages=False, L2_is_weight_decay=True
        )
        self._params = problem.fresh_params()
        self._gradients = [gradient.copy() for gradient in problem.gradients]
        self.step, self.restore = self._step, partial(problem.refill, self._gradients)

    def _step(self) -> None:
        for index, (param, gradient) in enumerate(zip(self._params, self._gradients, strict=True)):
            self._params[index], _ = self._optimizer((index, "W"), param, gradient)

    def params(self) -> Sequence[Array]:
        return self._params
