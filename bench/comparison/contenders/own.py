"""onepass, its NumPy formulas, and the memory roof."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from functools import cache, partial
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import numpy as np

import onepass as op
from comparison.cases import Problem
from comparison.contenders.base import Contender, Unavailable
from comparison.recipes import Recipe
from onepass.groups import Array


class Onepass(Contender):
    """`Optimizer.step(gradients)`, as a user calls it."""

    name = "onepass"

    def __init__(self, recipe: Recipe, problem: Problem) -> None:
        self._params = problem.fresh_params()
        self.step = partial(recipe.optimizer(self._params, **recipe.hypers).step, problem.gradients)

    def params(self) -> Sequence[Array]:
        return self._params


class Reference(Contender):
    """The formulas of `onepass.reference` themselves, without its checks of arguments; NumPy runs on one thread."""

    name = "numpy"

    def __init__(self, recipe: Recipe, problem: Problem) -> None:
        signature = recipe.signature
        module = import_module(f"onepass.reference.{recipe.optimizer.__module__.rpartition('.')[2]}")
        self._formula: Callable[..., None] = getattr(module, signature.function_name)
        self._params = problem.fresh_params()
        self._gradients = problem.gradients
        twin = recipe.optimizer(self._params, **recipe.hypers)  # starts the state, and never steps
        names = (*signature.slots, *signature.scalars)
        self._states = [{name: state[name] for name in names} for state in twin.state]
        self._hypers: dict[str, Any] = {name: recipe.hypers[name] for name in signature.defaults}
        self._time = 0
        self.step = self._step

    def _step(self) -> None:
        self._time += 1
        for p, g, state in zip(self._params, self._gradients, self._states, strict=True):
            self._formula(p=p, g=g, step=self._time, **state, **self._hypers)

    def params(self) -> Sequence[Array]:
        return self._params


class Roof(Contender):
    """As many reads and writes as the rule makes, next to no arithmetic, in the same shares per thread."""

    name = "roof"
    is_optimizer = False

    def __init__(self, recipe: Recipe, problem: Problem) -> None:
        self._params = problem.fresh_params()
        slots = [[np.zeros_like(param) for param in self._params] for _ in range(recipe.slots)]
        self._arrays = [problem.gradients, self._params, *slots]
        addresses = [array.ctypes.data for tensor in zip(*self._arrays, strict=True) for array in tensor]
        sizes = [param.size for param in self._params]
        self.step = partial(
            _roof_kernel(),
            problem.dtype.itemsize,
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
