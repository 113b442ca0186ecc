"""On which tensors is a step timed? Single tensors, a small network, many small tensors, a language model."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from onepass.groups import Array

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Case:
    """Shapes under a name."""

    name: str
    shapes: tuple[Shape, ...]

    @property
    def elements(self) -> int:
        return sum(math.prod(shape) for shape in self.shapes)

    def __str__(self) -> str:
        tensors = "1 tensor" if len(self.shapes) == 1 else f"{len(self.shapes)} tensors"
        return f"{self.name} ({tensors}, {self.elements:,} elements)"


def _single(name: str, elements: int) -> Case:
    return Case(name, ((elements,),))


def _gpt2(blocks: int, *embeddings: int) -> tuple[Shape, ...]:
    """Radford et al. 2019, width 768: weights and biases as Hugging Face stores them."""
    width = 768
    block: list[Shape] = [(width,), (width,), (width, 3 * width), (3 * width,), (width, width), (width,)]
    block += [(width,), (width,), (width, 4 * width), (4 * width,), (4 * width, width), (width,)]
    return (*((rows, width) for rows in embeddings), *block * blocks, (width,), (width,))


CASES = {
    case.name: case
    for case in (
        _single("1e3", 1_000),
        _single("1e6", 1_000_000),
        _single("64M", 2**26),
        Case("mlp", ((784, 100), (100,), (100, 10), (10,))),
        Case("500x64x64", ((64, 64),) * 500),
        Case("gpt2", _gpt2(12, 50257, 1024)),
    )
}
#: What stands in for the largest where time is short: still in DRAM on most machines, yet a tenth of the work.
QUICK_STAND_INS = {"64M": _single("4M", 2**22), "gpt2": Case("2 blocks of gpt2", _gpt2(2))}


class Problem:
    """Parameters to start from, and the gradients, which change in place from step to step while agreement is tested.

    The values keep clear of subnormals, also after thousands of steps: gradients are random and stay what they are.
    """

    def __init__(self, case: Case, dtype: str, seed: int = 0) -> None:
        self.case = case
        self.dtype = np.dtype(dtype)
        self._rng = np.random.Generator(np.random.SFC64(seed))
        self.initial = [0.02 * self._normal(shape) for shape in case.shapes]
        self.gradients = [self._normal(shape) for shape in case.shapes]

    def _normal(self, shape: Shape) -> Array:
        return self._rng.standard_normal(shape, self.dtype.type)

    def renew_gradients(self) -> None:
        for gradient in self.gradients:
            self._rng.standard_normal(dtype=self.dtype.type, out=gradient)

    def fresh_params(self) -> list[Array]:
        return [param.copy() for param in self.initial]
