"""torch on CPU: fused where it has that, multi-tensor, as it comes, and the whole step compiled."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import ClassVar

import torch

from comparison.cases import Problem
from comparison.contenders.base import Contender
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
    variant: ClassVar[dict[str, bool]] = {}

    @classmethod
    def offers(cls, recipe: Recipe, problem: Problem) -> bool:
        return _optimizer(recipe, cls.variant) is not None

    def __init__(self, recipe: Recipe, problem: Problem) -> None:
        super().__init__(recipe, problem)
        factory = _optimizer(recipe, self.variant)
        assert factory is not None
        self.step = factory(self._tensors).step


def _optimizer(recipe: Recipe, variant: dict[str, bool]) -> Callable[..., torch.optim.Optimizer] | None:
    """torch's class for the rule, with its hyper-parameters; None if there is none or it lacks the variant."""
    for one in recipes(recipe.rule):
        factory = getattr(torch.optim, one.optimizer.__name__, None)
        if factory and variant.keys() <= inspect.signature(factory).parameters.keys():
            return partial(factory, **one.hypers, **variant)
    return None


class Foreach(Default):
    """Each operation on all tensors at once."""

    name = "torch-foreach"
    variant: ClassVar[dict[str, bool]] = {"foreach": True}


class Fused(Default):
    """One pass over each tensor; four classes have it."""

    name = "torch-fused"
    variant: ClassVar[dict[str, bool]] = {"fused": True}


class Compiled(Default):
    """torch.compile(optimizer.step). Compilation is not timed; the remark tells how long it took."""

    name = "torch-compile"
    #: Dynamo unrolls the loop over tensors: beyond this, compilation takes minutes.
    most_tensors = 16

    @classmethod
    def offers(cls, recipe: Recipe, problem: Problem) -> bool:
        return len(problem.gradients) <= cls.most_tensors and super().offers(recipe, problem)

    def __init__(self, recipe: Recipe, problem: Problem) -> None:
        super().__init__(recipe, problem)
        torch._dynamo.reset()  # else, after some recompilations, dynamo silently runs the step uncompiled
        self._compiled = torch.compile(self.step)
        self.step = self._compile_at_first_call

    def _compile_at_first_call(self) -> None:
        start = time.perf_counter()
        self._compiled()
        self.remark = f"compiled in {time.perf_counter() - start:.1f} s"
        self.step = self._compiled
