"""The memory roof: how fast can a rule's arrays be read and written, next to no arithmetic?"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path
from typing import cast

import numpy as np

import onepass as op
from comparison.cases import Problem
from comparison.contenders.base import Contender, Unavailable
from comparison.formats import FORMATS
from comparison.recipes import Recipe
from onepass.arrays import Array


class Roof(Contender):
    """Each array of the rule's is read, and written if it is no gradient, in the same shares per thread."""

    name = "roof"
    dtypes = ("float32", "float64", "bfloat16", "float16")
    options = frozenset({"state_dtype", "state_rounding"})
    is_optimizer = False

    def __init__(self, recipe: Recipe, problem: Problem) -> None:
        self._params = problem.fresh_params()
        state = int(FORMATS[recipe.step.state_dtype(problem.dtype.name)].bytes)
        numbers = np.dtype(f"f{state}" if state >= 4 else f"u{state}")
        slots = [[np.zeros(param.shape, numbers) for param in self._params] for _ in range(recipe.slots)]
        self._arrays = [problem.gradients, self._params, *slots]
        addresses = [array.ctypes.data for tensor in zip(*self._arrays, strict=True) for array in tensor]
        sizes = [param.size for param in self._params]
        self.step = partial(
            _roof_kernel(),
            problem.dtype.itemsize,
            state,
            recipe.slots,
            ctypes.c_int64(len(sizes)),
            (ctypes.c_int64 * len(sizes))(*sizes),
            (ctypes.c_void_p * len(addresses))(*addresses),
            op.get_num_threads(),
        )

    def params(self) -> Sequence[Array]:
        return self._params


@cache
def _roof_kernel() -> Callable[..., None]:
    source = Path(__file__).parents[2] / "roof.cpp"
    candidates = [os.environ["CXX"]] if "CXX" in os.environ else ["c++", "g++", "clang++"]
    compiler = next(filter(shutil.which, candidates), None)
    if compiler is None:
        raise Unavailable(f"there is no compiler for roof.cpp ({', '.join(candidates)}): install one, or set CXX")
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "roof.so"
        flags = ["-std=c++17", "-O3", "-march=native", "-fopenmp", "-fPIC", "-shared"]
        done = subprocess.run([compiler, *flags, source, "-o", library], capture_output=True, text=True)
        if done.returncode:
            raise Unavailable(f"{compiler} does not compile roof.cpp: {done.stderr.strip()}")
        kernel = ctypes.CDLL(str(library)).roof
    kernel.restype = None
    return cast(Callable[..., None], kernel)
