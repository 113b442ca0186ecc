"""Is the average of the iterates what an optimizer is evaluated with, whatever its storage, at any time?"""

from __future__ import annotations

import copy
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import CLASSES, Snapshot, assert_same_bits, dtype_of, spread

import onepass as op
from onepass.arrays import Array
from onepass.optimizer import Optimizer

AVERAGING = [cls for cls in CLASSES if cls.average_slot]
averaging = pytest.mark.parametrize("cls", AVERAGING, ids=lambda cls: cls.__name__)
#: ASGD averages from here on; elements of any size move.
OPTIONS: dict[type[Optimizer], dict[str, Any]] = {
    op.ASGD: {"t0": 1.0, "lr": 0.1},
    op.ScheduleFreeSGD: {"lr": 0.1},
    op.ScheduleFreeAdamW: {"lr": 0.1},
}


def stepped(cls: type[Optimizer], params: list[Array], steps: int = 5, **options: Any) -> Optimizer:
    optimizer = cls(params, **OPTIONS[cls], **options)
    rng = np.random.default_rng(4)
    for _ in range(steps):
        optimizer.step([np.asarray(spread(rng, one.shape, np.float32).astype(one.dtype)) for one in params])
    return optimizer


def test_which_ones_average() -> None:
    assert set(AVERAGING) == OPTIONS.keys()


@averaging
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_it_is_the_mean_of_the_iterates(cls: type[Optimizer], dtype: Any, rng: np.random.Generator) -> None:
    """With one learning rate each counts the same: those of Schedule-Free are z, those of ASGD its parameters."""
    params = [spread(rng, shape, dtype) for shape in ((5, 7), (3,))]
    optimizer = cls(params, **OPTIONS[cls])
    iterates: list[list[Array]] = []
    for _ in range(9):
        optimizer.step([spread(rng, one.shape, dtype) for one in params])
        iterates.append([state.get("z", param).copy() for state, param in zip(optimizer.state, params, strict=True)])
    start = 2 if cls is op.ASGD else 0  # what its third step, t0 and one more, begins to average
    for place, average in enumerate(optimizer.averaged):
        expected = np.mean([one[place] for one in iterates[start:]], axis=0, dtype=np.float64)
        np.testing.assert_allclose(average, expected, rtol=1e-5 if dtype == np.float32 else 1e-13, atol=1e-6)
        assert average.dtype == dtype
        assert np.abs(average - params[place]).max() > 1e-3


@averaging
@pytest.mark.parametrize("state_dtype", ["float32", "bfloat16", "float16", "float8"])
@pytest.mark.parametrize("param_dtype", ["float32", "bfloat16", "float16"])
def test_narrow_storage(cls: type[Optimizer], param_dtype: str, state_dtype: str) -> None:
    """In float32, near what float32 would have; in Fortran order as in C order."""
    pytest.importorskip("ml_dtypes")
    values = spread(np.random.default_rng(2), (80, 60), np.float32)
    rounding = {} if param_dtype == "float32" else {"rounding": "kahan"}
    (exact,) = stepped(cls, [values.astype(dtype_of(param_dtype)).astype(np.float32)]).averaged
    optimizer = stepped(cls, [values.astype(dtype_of(param_dtype))], state_dtype=state_dtype, **rounding)
    (average,) = optimizer.averaged
    assert average.dtype == np.float32
    assert average.shape == (80, 60)
    tolerance = {"float32": 2e-2 if rounding else 1e-5, "float16": 5e-2, "bfloat16": 0.1, "float8": 0.4}[state_dtype]
    assert np.linalg.norm(average - exact) < tolerance * np.linalg.norm(exact)

    (transposed,) = stepped(cls, [np.asfortranarray(values.astype(dtype_of(param_dtype)))], steps=0).averaged
    assert transposed.flags.f_contiguous


@averaging
@pytest.mark.parametrize("state_dtype", ["float32", "bfloat16", "float8"])
def test_fortran_order(cls: type[Optimizer], state_dtype: str, rng: np.random.Generator) -> None:
    """What lies as its transpose has its transpose's average."""
    values, gradient = (spread(rng, (70, 90), np.float32) for _ in range(2))
    pair = [cls([one], **OPTIONS[cls], state_dtype=state_dtype) for one in (values.copy(), np.asfortranarray(values.T))]
    for _ in range(3):
        pair[0].step([gradient])
        pair[1].step([np.asfortranarray(gradient.T)])
    (plain,), (fortran,) = (optimizer.averaged for optimizer in pair)
    assert fortran.flags.f_contiguous
    assert_same_bits([np.ascontiguousarray(fortran.T)], [plain])


@averaging
def test_before_the_first_step_it_is_the_parameter(cls: type[Optimizer]) -> None:
    """Also while gradients are only gathered, behind a step that was skipped, and where there was no gradient."""
    start = [np.array([1.0, -2.0], np.float16), np.array([3.0])]
    optimizer = cls([one.copy() for one in start], accumulate=2, skip_nonfinite=True)

    def is_start(*places: int) -> None:
        for place in places:
            assert optimizer.averaged[place].tolist() == start[place].tolist()
            assert optimizer.averaged[place].dtype == (np.float32, np.float64)[place]

    is_start(0, 1)
    optimizer.step([np.array([1, 1], np.float16), None])
    is_start(0, 1)
    assert optimizer.step([np.array([1, np.inf], np.float16), None]).skipped
    is_start(0, 1)
    for _ in range(2):
        optimizer.step([np.array([1, 1], np.float16), None])
    assert optimizer.averaged[0].tolist() != [1, -2]
    is_start(1)


@averaging
def test_it_is_a_copy(cls: type[Optimizer]) -> None:
    for steps in (0, 3):
        optimizer = stepped(cls, [np.ones(3), np.ones((), np.float32), np.ones((0, 2))], steps)
        before = Snapshot(optimizer)
        for average in optimizer.averaged:
            average[...] = 7
        before.assert_unchanged()
        assert [average.shape for average in optimizer.averaged] == [(3,), (), (0, 2)]


def copied(optimizer: Optimizer) -> Optimizer:
    return copy.deepcopy(optimizer)


def pickled(optimizer: Optimizer) -> Optimizer:
    loaded: Optimizer = pickle.loads(pickle.dumps(optimizer))
    return loaded


def loaded(optimizer: Optimizer) -> Optimizer:
    other = type(optimizer)([np.zeros_like(one) for one in optimizer.params], state_dtype=optimizer.options.state_dtype)
    other.load_state_dict(optimizer.state_dict(params=True), params=True)
    return other


@averaging
@pytest.mark.parametrize("state_dtype", [None, "bfloat16", "float8"])
@pytest.mark.parametrize("way", [copied, pickled, loaded])
def test_it_comes_along(cls: type[Optimizer], state_dtype: Any, way: Callable[[Optimizer], Optimizer]) -> None:
    rng = np.random.default_rng(1)
    optimizer = stepped(cls, [spread(rng, (70, 80), np.float32), spread(rng, 5, np.float32)], state_dtype=state_dtype)
    other = way(optimizer)
    assert_same_bits(other.averaged, optimizer.averaged)
    gradients = [spread(rng, one.shape, np.float32) for one in optimizer.params]
    for one in (optimizer, other):
        one.step(gradients)
    assert_same_bits(other.averaged, optimizer.averaged)


@averaging
def test_it_is_in_a_file(cls: type[Optimizer], tmp_path: Path) -> None:
    optimizer = stepped(cls, [spread(np.random.default_rng(1), (70, 80), np.float32)], state_dtype="float8")
    op.save(tmp_path / "run.safetensors", optimizer)
    other = cls([np.zeros((70, 80), np.float32)], state_dtype="float8")
    op.load(tmp_path / "run.safetensors", other)
    assert_same_bits(other.averaged, optimizer.averaged)


def test_groups_and_names() -> None:
    optimizer = op.ScheduleFreeSGD([{"params": {"a": np.ones(2)}, "lr": 0.5}, {"params": {"b": np.zeros(1)}}])
    optimizer.step({"a": np.ones(2), "b": np.ones(1)})
    assert {name: one.tolist() for name, one in optimizer.named("averaged").items()} == {"a": [0.5, 0.5], "b": [-1]}


@pytest.mark.parametrize("cls", [cls for cls in CLASSES if not cls.average_slot], ids=lambda cls: cls.__name__)
def test_others_say_what_averages(cls: type[Optimizer]) -> None:
    optimizer = cls([np.ones(2)])
    text = f"{cls.__name__}: averaged: it keeps no average; build it with ema=True and read opt.ema"
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        _ = optimizer.averaged
    assert cls([np.ones(2)], ema=True).ema is not None


def test_not_within_a_step() -> None:
    class Looks(op.schedules.Schedule):
        def __call__(self, t: int, base_lr: float) -> float:
            assert optimizer.averaged
            return base_lr

    optimizer = op.ScheduleFreeSGD([np.ones(2)])
    Looks().attach(optimizer)
    with pytest.raises(RuntimeError, match=r"step\(\) is running on this optimizer, and has called averaged\(\)"):
        optimizer.step([np.ones(2)])
