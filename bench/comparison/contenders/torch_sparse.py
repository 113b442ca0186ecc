"""torch with sparse gradients, as `Embedding(sparse=True)` makes them."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Sequence

import torch

from comparison.cases import Problem
from comparison.contenders.base import Contender
from comparison.contenders.torch_arrays import as_array, as_tensor
from comparison.recipes import Recipe
from onepass.arrays import Array

# Without checks, as by default; to ask for it keeps torch from warning at its own sparse tensors.
torch.sparse.check_sparse_tensor_invariants.disable()  # type: ignore[no-untyped-call]

_OPTIMIZERS = {"sgd": torch.optim.SGD, "adagrad": torch.optim.Adagrad, "adam": torch.optim.SparseAdam}


class Sparse(Contender):
    """`.grad` is a sparse tensor, not coalesced, built before the step as the backward pass builds it."""

    name = "torch-sparse"
    takes_rows = True

    @classmethod
    def offers(cls, recipe: Recipe, problem: Problem) -> bool:
        return problem.case.rows is not None and recipe.rule in _OPTIMIZERS

    def __init__(self, recipe: Recipe, problem: Problem) -> None:
        self._tensors = [torch.nn.Parameter(as_tensor(param).clone()) for param in problem.initial]
        batches = [
            [
                torch.sparse_coo_tensor(as_tensor(rows.indices)[None], as_tensor(rows.values), tensor.shape)
                for rows, tensor in zip(batch, self._tensors, strict=True)
            ]
            for batch in problem.batches
        ]
        self._batches = itertools.cycle(batches)
        factory = _OPTIMIZERS[recipe.rule]
        known = inspect.signature(factory).parameters.keys() & recipe.hypers.keys()
        self.step = factory(self._tensors, **{name: recipe.hypers[name] for name in known}).step
        self.restore = self._next_batch

    def _next_batch(self) -> None:
        for tensor, gradient in zip(self._tensors, next(self._batches), strict=True):
            tensor.grad = gradient

    def params(self) -> Sequence[Array]:
        return [as_array(tensor) for tensor in self._tensors]
