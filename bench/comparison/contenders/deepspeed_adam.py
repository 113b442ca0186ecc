"""DeepSpeed's CPUAdam, which compiles its kernel at first use (a minute or two, kept in ~/.cache/torch_extensions)."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from pathlib import Path

os.environ.setdefault("DS_ACCELERATOR", "cpu")
# Ninja, which builds the kernel, is installed beside the interpreter, and need not be on the path.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])

from deepspeed.ops.adam import DeepSpeedCPUAdam

from comparison.cases import Problem
from comparison.contenders.base import Unavailable
from comparison.contenders.pytorch import OnTensors
from comparison.recipes import Recipe


class CpuAdam(OnTensors):
    """Adam and AdamW, with state in float32 or in the parameters' dtype."""

    name = "deepspeed"
    dtypes = ("float32", "bfloat16", "float16")
    options = frozenset({"state_dtype", "state_rounding"})

    @classmethod
    def offers(cls, recipe: Recipe, problem: Problem) -> bool:
        dtype = problem.dtype.name
        return recipe.rule in ("adam", "adamw") and recipe.step.state_dtype(dtype) in ("float32", dtype)

    def __init__(self, recipe: Recipe, problem: Problem) -> None:
        super().__init__(recipe, problem)
        hypers = {name: recipe.hypers[name] for name in ("lr", "betas", "eps", "weight_decay")}
        wide = recipe.step.state_dtype(problem.dtype.name) == "float32"
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                self._optimizer = DeepSpeedCPUAdam(
                    self._tensors, adamw_mode=recipe.rule == "adamw", fp32_optimizer_states=wide, **hypers
                )
        except RuntimeError as error:
            raise Unavailable(f"{error} ({error.__cause__})") from error
        self.step = self._optimizer.step
