"""The least that NumPy can do with a parameter and a gradient: one addition, which a cold step is held against."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from comparison.cases import Problem
from comparison.contenders.base import Contender
from comparison.recipes import Recipe
from onepass.arrays import Array


class Addition(Contender):
    """``np.add(p, g, out=g)``, tensor by tensor."""

    name = "numpy-add"
    is_optimizer = False

    def __init__(self, recipe: Recipe, problem: Problem) -> None:
        self._params = problem.fresh_params()
        self._gradients = [np.zeros_like(param) for param in self._params]

    def step(self) -> None:  # type: ignore[override]
        for param, gradient in zip(self._params, self._gradients, strict=True):
            np.add(param, gradient, out=gradient)

    def params(self) -> Sequence[Array]:
        return self._params
