"""torch on CPU: fused where it has that, multi-tensor, as it comes, and the whole step compiled."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import ClassVar

import numpy as np
import torch

from comparison.cases import Problem
from comparison.contenders.base import Contender
from comparison.contenders.torch_arrays import as_array, as_tensor
from comparison.contenders.torch_sequence import sequence
from comparison.recipes import Recipe, recipes
from onepass.arrays import Array

#: torch keeps state in the parameters' dtype, and rounds it to nearest: `Default.offers` looks at that.
WHOLE = frozenset({"clip_norm", "ema", "ema_decay", "mirror", "zero_grad", "state_dtype", "state_rounding"})


class OnTensors(Contender):
    """Parameters and gradients as tensors in torch's own memory; the gradients are set once, as `.grad`."""

    extra_arrays = 1

    def __init__(self, recipe: Recipe, problem: Problem) -> None:
        self._tensors = [torch.nn.Parameter(as_tensor(param).clone()) for param in problem.initial]
        self._gradients = [as_tensor(gradient).clone() for gradient in problem.gradients]
        for tensor, gradient in zip(self._tensors, self._gradients, strict=True):
            tensor.grad = gradient

    def take_gradients(self, gradients: Sequence[Array]) -> None:
        for gradient, changed in zip(self._gradients, gradients, strict=True):
            gradient.copy_(as_tensor(changed))

    def params(self) -> Sequence[Array]:
        return [as_array(tensor) for tensor in self._tensors]


class Default(OnTensors):
    """The optimizer as torch builds it: on CPU, one tensor after the other and one operation after the other."""

    name = "torch-default"
    options = frozenset({"clip_norm"})
    variant: ClassVar[dict[str, bool]] = {}
    clip_in_kernel: ClassVar[bool] = False

    @classmethod
    def offers(cls, recipe: Recipe, problem: Problem) -> bool:
        """torch keeps the state in the dtype of the parameters."""
        dtype = problem.dtype.name
        return recipe.step.state_dtype(dtype) == dtype and optimizer_of(recipe, cls.variant) is not None

    def __init__(self, recipe: Recipe, problem: Problem) -> None:
        super().__init__(recipe, problem)
        if problem.dtype == np.float16:
            self.differs = "keeps second moments as they are, onepass their roots: half precision loses small squares"
        if recipe.rule == "adafactor" and problem.dtype != np.float64:
            self.differs = "adds the squares of a row or column in float32"
        factory = optimizer_of(recipe, self.variant)
        assert factory is not None
        optimizer, options = factory(self._tensors), recipe.step.options
        self.step, self._written = sequence(optimizer, [*self._tensors], options, clip_in_kernel=self.clip_in_kernel)
        if "zero_grad" in recipe.step.options:
            self.restore = partial(problem.refill, [as_array(gradient) for gradient in self._gradients])

    def written(self) -> Mapping[str, Sequence[Array]]:
        return {name: [as_array(tensor) for tensor in tensors] for name, tensors in self._written.items()}


def optimizer_of(recipe: Recipe, variant: dict[str, bool]) -> Callable[..., torch.optim.Optimizer] | None:
    """torch's class for the rule, with its hyper-parameters; None if there is none or it lacks the variant."""
    for one in recipes(recipe.rule):
        factory = getattr(torch.optim, one.optimizer.__name__, None)
        known = inspect.signature(factory).parameters.keys() if factory else set()
        lacks = any(value for name, value in one.hypers.items() if name not in known)
        if factory and not lacks and variant.keys() <= known:
            return partial(factory, **{name: one.hypers[name] for name in known & one.hypers.keys()}, **variant)
    return None


class Foreach(Default):
    """Each operation on all tensors at once."""

    name = "torch-foreach"
    options = WHOLE
    variant: ClassVar[dict[str, bool]] = {"foreach": True}


class Fused(Default):
    """One pass over each tensor; four classes have it."""

    name = "torch-fused"
    dtypes = ("float32", "float64", "bfloat16", "float16")
    options = WHOLE
    variant: ClassVar[dict[str, bool]] = {"fused": True}


class FusedScaled(Fused):
    """The same, but that clipping lets the kernel scale the gradients."""

    name = "torch-fused-scaled"
    clip_in_kernel = True

    @classmethod
    def offers(cls, recipe: Recipe, problem: Problem) -> bool:
        return "clip_norm" in recipe.step.options and super().offers(recipe, problem)


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
