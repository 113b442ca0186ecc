"""Which runs are interrupted? Every optimizer with every option that keeps something; the same in every process.

As a program, the second half of each: python resumed_runs.py FOLDER loads what the first has saved, goes on, and saves.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

import onepass as op
from onepass.formats import named_dtype

HALF = 3
#: Dtype of the parameters and options.
OPTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "plain": ("float32", {}),
    "double": ("float64", {"ema": True, "clip_norm": 0.5}),
    "float8": ("float32", {"state_dtype": "float8", "seed": 7, "ema": True, "ema_decay": None}),
    "bfloat16 state": ("float32", {"state_dtype": "bfloat16", "accumulate": 2, "mirror": "float16"}),
    "float16 state": ("float16", {"state_dtype": "float16", "rounding": "kahan", "ema": True}),
    "bfloat16": ("bfloat16", {"rounding": "stochastic", "seed": 2**63 + 1, "mirror": "float32", "accumulate": 4}),
    "scheduled": ("float32", {"state_rounding": "nearest", "skip_nonfinite": True, "flush_subnormals": True}),
}
SHAPES = {"w": (16, 257), "b": (5,)}


def names() -> list[str]:
    return [f"{cls}-{kind}" for cls in sorted(op.Optimizer.registry) if is_ours(cls) for kind in OPTIONS]


def is_ours(cls: str) -> bool:
    return op.Optimizer.registry[cls].__module__.startswith("onepass.")


def build(name: str, *, fresh: bool = False) -> op.Optimizer:
    """The optimizer as it begins; or with parameters and rates that are to be replaced."""
    cls, kind = name.split("-")
    dtype, options = OPTIONS[kind]
    rng = np.random.default_rng(99 if fresh else 1)
    params = {key: rng.standard_normal(shape).astype(named_dtype("test", dtype)) for key, shape in SHAPES.items()}
    groups = [{"params": {key: param}} for key, param in params.items()]
    opt = op.create(cls, groups, **options)
    if not fresh:
        opt.assign({"lr": 0.03})
    if kind == "scheduled":
        op.schedules.WarmUp(op.schedules.CosineAnnealingLR(T_max=9), steps=2).attach(opt, group=0)
        op.schedules.ReduceLROnPlateau(patience=0).attach(opt, group=1)
    return opt


def go_on(opt: op.Optimizer, first: int) -> None:
    """The calls of one half."""
    for call in range(first, first + HALF):
        rng = np.random.default_rng(call)
        opt.step({key: rng.standard_normal(p.shape).astype(p.dtype) for key, p in opt.named("params").items()})
        schedule = opt.param_groups[1].schedule
        if isinstance(schedule, op.schedules.ReduceLROnPlateau):
            schedule.report(1.0 + call)


if __name__ == "__main__":
    for name in names():
        optimizer = build(name, fresh=True)
        assert op.load(Path(sys.argv[1], name), optimizer) == name
        go_on(optimizer, HALF)
        op.save(Path(sys.argv[1], name), optimizer, extra=name)
