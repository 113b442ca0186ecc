"""NumPy: the formulas of `onepass.reference`, and its twin of the whole step. One thread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from comparison.cases import Problem
from comparison.contenders.base import Contender
from comparison.contenders.own import Onepass
from comparison.recipes import Recipe
from comparison.steps import PLAIN
from onepass import reference
from onepass.arrays import Array
from onepass.reference import formula_of
from onepass.reference.kernels.stages import plain_descents


class Reference(Contender):
    """The formulas of `onepass.reference` themselves, without its checks of arguments; NumPy runs on one thread."""

    name = "numpy"

    def __init__(self, recipe: Recipe, problem: Problem) -> None:
        signature = recipe.signature
        self._formula, self._pooled = formula_of(signature), signature.rule.pooled
        self._params = problem.fresh_params()
        self._gradients = problem.gradients
        twin = recipe.optimizer(self._params, **recipe.hypers)  # starts the state, and never steps
        self._states = [signature.kept(p, state) for p, state in zip(self._params, twin.state, strict=True)]
        self._hypers: dict[str, Any] = {name: recipe.hypers[name] for name in signature.defaults}
        self._time = 0
        self.step = self._step

    def _step(self) -> None:
        self._time += 1
        results = (
            self._formula(p=p, g=g, step=self._time, **state, **self._hypers)
            for p, g, state in zip(self._params, self._gradients, self._states, strict=True)
        )
        for p, descent in zip(self._params, plain_descents(results, pooled=self._pooled), strict=True):
            p -= descent

    def params(self) -> Sequence[Array]:
        return self._params


class Twin(Onepass):
    """`onepass.reference.Twin`: the whole step in NumPy, to the bit."""

    name = "numpy-twin"
    takes_rows = False
    #: Beyond this, a step takes seconds.
    most_elements = 2**24

    @classmethod
    def offers(cls, recipe: Recipe, problem: Problem) -> bool:
        has_formula = recipe.step is PLAIN and problem.dtype.name in Reference.dtypes
        return not has_formula and problem.case.elements <= cls.most_elements and super().offers(recipe, problem)

    def __init__(self, recipe: Recipe, problem: Problem) -> None:
        super().__init__(recipe, problem)
        self._twin = reference.Twin(self._optimizer)
        self.step = partial(self._twin.step, self._gradients)

    def params(self) -> Sequence[Array]:
        return self._twin.params

    def written(self) -> Mapping[str, Sequence[Array]]:
        own = {
            "ema": [state["ema"] for state in self._twin.states if "ema" in state],
            "mirror": self._twin.mirror or [],
        }
        return {name: own.get(name, arrays) for name, arrays in super().written().items()}
