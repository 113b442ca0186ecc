"""onepass: the step as it is asked for, without its options, and on normal numbers."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import ClassVar

import numpy as np

import onepass as op
from comparison.cases import Problem
from comparison.contenders.base import Contender
from comparison.recipes import Recipe
from comparison.steps import PLAIN, STEPS
from onepass.arrays import Array

#: Rules that take gradients of some rows.
_WITH_ROWS = ("sgd", "adagrad", "adam", "rmsprop")


class Onepass(Contender):
    """`Optimizer.step(gradients)`, as a user calls it."""

    name = "onepass"
    dtypes = ("float32", "float64", "bfloat16", "float16")
    options = frozenset().union(*(step.options for step in STEPS.values()))
    takes_rows = True
    #: Whether the options of the step are passed on.
    with_options: ClassVar[bool] = True

    @classmethod
    def offers(cls, recipe: Recipe, problem: Problem) -> bool:
        has_state = problem.dtype != np.float64 or "state_dtype" not in recipe.step.options
        return has_state and (problem.case.rows is None or recipe.rule in _WITH_ROWS)

    def __init__(self, recipe: Recipe, problem: Problem) -> None:
        self._options = dict(recipe.step.options) if self.with_options else {}
        self._params = problem.fresh_params()
        self._gradients = problem.gradients
        self._optimizer = recipe.optimizer(self._params, **recipe.hypers, **self._options)
        if recipe.step.decayed:
            self._decay([*recipe.signature.kinds])
        if "state_dtype" in recipe.step.options:
            self.remark = f"{self._bytes_of_state() / problem.case.elements:.2f} bytes of state per element"
        if "zero_grad" in self._options:
            self._gradients = [gradient.copy() for gradient in problem.gradients]
            self.restore = partial(problem.refill, self._gradients)
        self.step = partial(self._optimizer.step, self._gradients)
        if problem.batches:
            self._batches = itertools.cycle(problem.batches)
            self.step, self.restore = self._step_on_rows, self._next_batch

    def _decay(self, slots: Sequence[str]) -> None:
        """So small that decay rounds a moment back to where it was: without a gradient it stays subnormal for good."""
        for state in self._optimizer.state:
            for slot in slots:
                state[slot].fill(4 * np.finfo(state[slot].dtype).smallest_subnormal)

    def _bytes_of_state(self) -> int:
        arrays = (array for state in self._optimizer.state for array in state.values())
        return sum(array.nbytes for array in arrays if array.ndim)

    def _next_batch(self) -> None:
        self._rows = next(self._batches)

    def _step_on_rows(self) -> None:
        self._optimizer.step([op.SparseRows(rows.indices, rows.values) for rows in self._rows])

    def params(self) -> Sequence[Array]:
        return self._params

    def written(self) -> Mapping[str, Sequence[Array]]:
        found = {"ema": self._optimizer.ema, "mirror": self._optimizer.mirror}
        found["gradients"] = self._gradients if "zero_grad" in self._options else None
        return {name: arrays for name, arrays in found.items() if arrays is not None}


class Plain(Onepass):
    """The same without the options of the step, where these only say how the state is kept."""

    name = "onepass-plain"
    options = frozenset({"state_dtype", "state_rounding", "flush_subnormals"})
    with_options = False

    @classmethod
    def offers(cls, recipe: Recipe, problem: Problem) -> bool:
        return recipe.step is not PLAIN and super().offers(recipe, problem)

    def __init__(self, recipe: Recipe, problem: Problem) -> None:
        super().__init__(recipe, problem)
        if recipe.step.options.get("state_dtype") == "float16":
            self.differs = "small second moments leave the range of float16"


class Normal(Onepass):
    """Beside a step on decayed moments: the same on normal numbers, without options, with gradients."""

    name = "onepass-normal"
    is_optimizer = False

    @classmethod
    def offers(cls, recipe: Recipe, problem: Problem) -> bool:
        return recipe.step.decayed and super().offers(recipe, problem)

    def __init__(self, recipe: Recipe, problem: Problem) -> None:
        super().__init__(replace(recipe, step=PLAIN), Problem(problem.case, problem.dtype.name))
