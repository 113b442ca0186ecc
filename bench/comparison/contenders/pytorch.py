"""torch on CPU: fused where it has that, multi-tensor, as it comes, and the whole step compiled."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import torch

from comparison.cases import Problem
from comparison.contenders.base import Contender, NotOffered
from comparison.recipes import Recipe, recipes
from onepass.groups import Array


class OnTensors(Contender):
    """Parameters and gradients as tensors in torch's own memory; the gradients are set once, as `.grad`."""

    extra_arrays = 1

    def __init__(self, recipe: Recipe, problem: Problem) -> None:
        self._tensors = [torch.nn.Parameter(torch.from_numpy(param).clone()) for param in problem.initial]
        for tensor, gradient in zip(self._tensors, problem.gradients, strict=True):
            tensor.grad = torch.from_numpy(gradient).clone()

    def take_gradients(self, gradients: Sequence[Array]) -> None:
        for tensor, gradient in zip(self._tensors, gradients, strict=True):
            assert tensor.grad is not None
            tensor.grad.copy_(torch.from_numpy(gradient))

    def params(self) -> Sequence[Array]:
        return [tensor.detach().numpy() for tensor in self._tensors]


class Default(OnTensors):
    """The optimizer as torch builds it: on CPU, one tensor after the other and one operation after the other."""

    name = "torch-default"
    extra_arrays = 4

    def __init__(self, recipe: Recipe, problem: Problem) -> None:
        super().__init__(recipe, problem)
        self.step = self._optimizer(recipe).step

    def _optimizer(self, recipe: Recipe, **variant: bool) -> torch.optim.Optimizer:
        for one in recipes(recipe.rule):
            if factory := getattr(torch.optim, one.optimizer.__name__, None):
                return factory(self._tensors, **one.hypers, **variant)
        raise NotOffered


class Foreach(Default):
    """foreach=True."""

    name = "torch-foreach"
    extra_arrays = 5

    def _optimizer(self, recipe: Recipe, **variant: bool) -> torch.optim.Optimizer:
        return super()._optimizer(recipe, foreach=True)


class Fused(Default):
    """fused=True, which four classes take."""

    name = "torch-fused"
    extra_arrays = 1

    def _optimizer(self, recipe: Recipe, **variant: bool) -> torch.optim.Optimizer:
        try:
            return super()._optimizer(recipe, fused=True)
        except TypeError:
            raise NotOffered from None


class Compiled(Default):
    """torch.compile(optimizer.step). Compilation is not timed; the remark tells how long it took."""

    name = "torch-compile"
    extra_arrays = 2
    #: Dynamo unrolls the loop over tensors: beyond this, compilation takes minutes.
    most_tensors = 16

    def __init__(self, recipe: Recipe, problem: Problem) -> None:
        if len(problem.gradients) > self.most_tensors:
            raise NotOffered
        super().__init__(recipe, problem)
        torch._dynamo.reset()  # else, after some recompilations, dynamo silently runs the step uncompiled
        self._compiled = torch.compile(self.step)
        self.step = self._compile_at_first_call

    def _compile_at_first_call(self) -> Any:
        start = time.perf_counter()
        self._compiled()
        self.remark = f"compiled in {time.perf_counter() - start:.0f} s"
        self.step = self._compiled
