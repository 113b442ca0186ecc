"""On which tensors is a step timed? Single tensors, a small network, many small tensors, a language model, a table."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from comparison.formats import numpy_dtype
from onepass.arrays import Array

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Case:
    """Shapes under a name.

    Attributes:
        rows: the gradients are sparse, and have so many rows of each tensor; None if they have all.
        is_cold: before each step other memory is walked over, so that nothing of the step is in a cache, code neither.
    """

    name: str
    shapes: tuple[Shape, ...]
    rows: int | None = None
    is_cold: bool = False

    @property
    def sizes(self) -> list[int]:
        return [math.prod(shape) for shape in self.shapes]

    @property
    def elements(self) -> int:
        return sum(self.sizes)

    @property
    def touched(self) -> list[int]:
        """The elements of each tensor that a step changes."""
        return self.sizes if self.rows is None else [self.rows * math.prod(shape[1:]) for shape in self.shapes]

    def __str__(self) -> str:
        tensors = "1 tensor" if len(self.shapes) == 1 else f"{len(self.shapes)} tensors"
        if self.rows is not None:
            return f"{self.name} ({tensors}, {self.elements:,} elements, {self.rows:,} rows per step)"
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
        Case("1e3-cold", ((1_000,),), is_cold=True),
        _single("1e6", 1_000_000),
        _single("64M", 2**26),
        Case("mlp", ((784, 100), (100,), (100, 10), (10,))),
        Case("500x64x64", ((64, 64),) * 500),
        Case("gpt2", _gpt2(12, 50257, 1024)),
        Case("table", ((1_000_000, 64),), rows=4096),
    )
}
#: What stands in for the largest where time is short: still in DRAM on most machines, yet a tenth of the work.
QUICK_STAND_INS = {
    "64M": _single("4M", 2**22),
    "gpt2": Case("2 blocks of gpt2", _gpt2(2)),
    "table": Case("table of 1e5", ((100_000, 64),), rows=4096),
}


@dataclass(frozen=True)
class Rows:
    """The gradient of a table: values for rows in any order, a few of them twice, as a batch of words makes them."""

    indices: Array
    values: Array


class Problem:
    """Parameters to start from, and the gradients, which change in place from step to step while agreement is tested.

    The values keep clear of subnormals, also after thousands of steps: gradients are random and stay what they are.

    Args:
        case: the shapes.
        dtype: of parameters and gradients.
        seed: of the values.
        zero: all gradients are zero.

    Attributes:
        batches: in the place of gradients, where these have some rows only: each step takes the next, so that it meets
            rows that no cache holds.

    Raises:
        ImportError: see `numpy_dtype`.
    """

    #: Together they touch more rows than fit a cache.
    number_of_batches = 64

    def __init__(self, case: Case, dtype: str, seed: int = 0, *, zero: bool = False) -> None:
        self.case = case
        self.dtype = numpy_dtype(dtype)
        self._rng = np.random.Generator(np.random.SFC64(seed))
        self.initial = [self._fill(np.empty(shape, self.dtype), 0.02) for shape in case.shapes]
        self._zero = zero
        self._renewals = 0
        self.gradients: list[Array] = []
        self.batches: list[list[Rows]] = []
        if case.rows is None:
            self.gradients = [np.empty_like(param) for param in self.initial]
            self.renew_gradients()
        else:
            values = [self._fill(np.empty((case.rows, *shape[1:]), self.dtype)) for shape in case.shapes]
            self.batches = [self._batch(values) for _ in range(self.number_of_batches)]

    def _fill(self, array: Array, scale: float = 1.0, chunk: int = 2**20) -> Array:
        """Normally distributed values, made in single precision for formats that are smaller."""
        wide = np.float64 if self.dtype == np.float64 else np.float32
        flat = array.reshape(-1)
        for start in range(0, flat.size, chunk):
            part = flat[start : start + chunk]
            part[...] = wide(scale) * self._rng.standard_normal(part.size, wide)
        return array

    def _batch(self, values: list[Array]) -> list[Rows]:
        return [
            Rows(self._rng.integers(0, len(param), len(rows)), rows)
            for param, rows in zip(self.initial, values, strict=True)
        ]

    def renew_gradients(self) -> None:
        """Other values of another norm: Adam would not show whether gradients of always the same were clipped."""
        scale = 0.0 if self._zero else 2.0 ** (self._renewals % 3)
        self._renewals += 1
        for gradient in self.gradients:
            self._fill(gradient, scale)

    def fresh_params(self) -> list[Array]:
        return [param.copy() for param in self.initial]

    def refill(self, gradients: list[Array]) -> None:
        """Put the values back into copies of the gradients that a step has used up."""
        for gradient, kept in zip(gradients, self.gradients, strict=True):
            np.copyto(gradient, kept)
