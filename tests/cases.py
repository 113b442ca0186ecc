"""What is tested: every rule, level, threading layer and dtype, by enumeration; a new rule appears here by itself."""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import sys
from collections.abc import Callable, Hashable, Iterable
from typing import Any

import numpy as np
import pytest

import onepass as op
from onepass import _core
from onepass.arrays import Array
from onepass.optimizer import Optimizer
from onepass.reference.step.twin import arrays_of
from onepass.signatures import choice_of, signatures

RULES = list(signatures)
DTYPES = [np.float32, np.float64]
ISAS = op.isas()
LAYERS = [name for name, lacks in _core.threading_layers().items() if not lacks]
#: Ways to share work: a layer and a number of threads.
TEAMS = [("serial", 1), *itertools.product([name for name in ("pool", "openmp") if name in LAYERS], (2, 3))]
EVERYWHERE = [(isa, *team) for isa in ISAS for team in TEAMS]
CLASSES = sorted((cls for cls in Optimizer.registry.values() if cls.__module__.startswith("onepass.")), key=str)
RECORDS = {record["name"]: record for record in _core.rules()}
#: Those for which a parameter is a problem of its own.
SINGLE = [rule for rule in RULES if not RECORDS[rule]["pooled"]]


def kind_of(rule: str) -> Hashable:
    """All by which the engine tells rules apart: what it reads of them beside the formula."""
    record = RECORDS[rule]
    kinds = tuple((kind, of) for _, kind, _, of, _ in record["slots"])
    stages = tuple(tuple("pg".find(name) for name in reads) for reads, _ in record["stages"])
    return kinds, len(record["scalars"]), stages, record["in_buffers"], record["lazy"], record["pooled"]


def some(values: Iterable[Any], kind: Callable[[Any], Hashable] = kind_of) -> list[Any]:
    """Parameters of a test that is about the engine: the first value of each kind, and all others if `exhaustive`."""
    first: dict[Hashable, Any] = {}
    return [
        pytest.param(value, marks=() if first.setdefault(kind(value), value) is value else pytest.mark.exhaustive)
        for value in values
    ]


def kind_of_class(cls: type[Optimizer]) -> Hashable:
    """That of its first rule."""
    return kind_of(cls.rules[0])


def shown(value: object) -> str:
    """The value in a test's name, the same in every process."""
    return re.sub(r" at 0x[0-9a-f]+", "", str(value))


def run_python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Code in a process of its own, with warnings as errors, and of our variables and OpenMP's none but these."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("ONEPASS_", "OMP_"))}
    command = [sys.executable, "-W", "error", "-c", code]
    return subprocess.run(command, env=clean | environment, capture_output=True, text=True, timeout=60, check=False)


def dtype_of(name: str) -> np.dtype[Any]:
    """The dtype of that name; skips the test where bfloat16 is not installed."""
    return np.dtype(pytest.importorskip("ml_dtypes").bfloat16 if name == "bfloat16" else name)


def options_of(rule: str) -> dict[str, Any]:
    """Constructor arguments with which the class of a rule chooses it, weight decay switched on where there is any."""
    cls = signatures[rule].optimizer
    return choice_of(rule, cls) | ({"weight_decay": 0.03} if "weight_decay" in cls.hyperparameters else {})


def defaults_of(cls: type[Optimizer]) -> dict[str, Any]:
    """The hyper-parameters of a class."""
    return {name: field.default for name, field in cls.hyperparameters.items()}


def build(rule: str, params: Any, **more: Any) -> Optimizer:
    return signatures[rule].optimizer(params, **{**options_of(rule), **more})


def trained(cls: type[Optimizer] = op.AdamW, steps: int = 3, **options: Any) -> Optimizer:
    """An optimizer of two named float32 arrays, (4, 5) and (5,), after some steps."""
    rng = np.random.default_rng(7)
    params = {"w": spread(rng, (4, 5), np.float32), "b": spread(rng, 5, np.float32)}
    optimizer = cls(params, **options)
    for _ in range(steps):
        optimizer.step([spread(rng, (4, 5), np.float32), spread(rng, 5, np.float32)])
    return optimizer


def unaligned(values: Array, offset: int) -> Array:
    """A copy of the values that starts `offset` items after a 64-byte boundary."""
    item = values.dtype.itemsize
    memory = np.zeros(values.size * item + 128 + offset * item, np.uint8)
    start = -memory.ctypes.data % 64 + offset * item
    copy = memory[start : start + values.size * item].view(values.dtype).reshape(values.shape)
    copy[...] = values
    return copy


def spread(rng: np.random.Generator, shape: Any, dtype: Any, decades: float = 3.0) -> Array:
    """Non-zero values of both signs over some decades."""
    return (rng.choice([-1.0, 1.0], shape) * 10.0 ** rng.uniform(-decades, decades / 3, shape)).astype(dtype)


def flat(arrays: Iterable[Any]) -> Array:
    """All elements as one vector."""
    return np.concatenate([np.asarray(array).reshape(-1) for array in arrays])


def assert_same_bits(actual: Any, expected: Any) -> None:
    """Equal bit for bit, but for the payload and sign of NaNs; None, which is no array, equals itself."""
    for one, other in zip(actual, expected, strict=True):
        if one is other is None:
            continue
        assert one.dtype == other.dtype
        assert one.shape == other.shape
        unsigned = f"u{one.dtype.itemsize}"
        differ = one.reshape(-1).view(unsigned) != other.reshape(-1).view(unsigned)
        with np.errstate(invalid="ignore"):  # from signaling NaNs
            differ &= ~(np.isnan(one) & np.isnan(other)).reshape(-1)
        where = np.flatnonzero(differ)
        assert where.size == 0, f"{where.size} of {one.size} elements differ, the first at {where[0]}"


class Snapshot:
    """Everything that a failed step must leave as it was."""

    def __init__(self, optimizer: Optimizer) -> None:
        self._optimizer = optimizer
        self._before = self._read()

    def _read(self) -> Any:
        arrays = [(array.dtype, array.shape, array.tobytes()) for array in arrays_of(self._optimizer)]
        groups = [(group.hyperparameters(), group.schedule) for group in self._optimizer.param_groups]
        return arrays, groups, self._optimizer.pending

    def assert_unchanged(self) -> None:
        assert self._read() == self._before
