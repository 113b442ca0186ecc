"""Optimizers as their authors have published them for torch: one operation after the other, eagerly."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from typing import Any

import prodigyopt

from comparison.cases import Problem
from comparison.contenders.pytorch import OnTensors
from comparison.recipes import Recipe

_CLASSES: dict[str, Callable[..., Any]] = {"prodigy": prodigyopt.Prodigy}


class ByItsAuthors(OnTensors):
    """As it comes."""

    name = "authors"

    @classmethod
    def offers(cls, recipe: Recipe, problem: Problem) -> bool:
        return recipe.rule in _CLASSES

    def __init__(self, recipe: Recipe, problem: Problem) -> None:
        super().__init__(recipe, problem)
        hypers = {name: value for name, value in recipe.hypers.items() if name != "maximize"}
        with contextlib.redirect_stdout(io.StringIO()):  # it prints how it decays
            self._optimizer = _CLASSES[recipe.rule](self._tensors, **hypers)
        self.step = self._step

    def _step(self) -> None:
        self._optimizer.step()
