"""Law 1: a kernel equals its NumPy reference bit for bit, on every level, by every team, grouping and alignment."""

from __future__ import annotations

import copy
from collections.abc import MutableMapping
from functools import cache
from typing import Any

import numpy as np
import pytest
from cases import (
    DTYPES,
    ISAS,
    LAYERS,
    RULES,
    SINGLE,
    TEAMS,
    arrays_of,
    assert_same_bits,
    build,
    some,
    spread,
    unaligned,
)
from hypothesis import given, settings, strategies

import onepass as op
from onepass.arrays import Array
from onepass.reference import Twin
from onepass.signatures import signatures

# Around every pack width, around the grain at which threads cut, and enough in all for a parallel region.
SIZES = [0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 1000, 4095, 4097, 32767, 32769]
STEPS = 5


def gradients_at(step: int, dtype: Any) -> list[Array]:
    rng = np.random.default_rng(step)
    return [spread(rng, size, dtype) for size in SIZES]


def change_hypers(group: MutableMapping[str, Any], step: int) -> None:
    if "lr" in group:
        group["lr"] = 0.1 / step


def run(optimizer: op.Optimizer, dtype: Any, offset: int) -> None:
    for step in range(1, STEPS + 1):
        change_hypers(optimizer.param_groups[0], step)
        optimizer.step([unaligned(gradient, offset) for gradient in gradients_at(step, dtype)])


@cache
def expected(rule: str, dtype: Any, maximize: bool = False) -> list[Array]:
    optimizer = build(rule, gradients_at(0, dtype), maximize=maximize)
    twin = Twin(optimizer)
    for step in range(1, STEPS + 1):
        change_hypers(twin.groups[0], step)
        twin.step(gradients_at(step, dtype))
    return list(twin.arrays())


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("rule", RULES)
def test_every_size_and_alignment(rule: str, isa: str, dtype: Any) -> None:
    for offset in (0, 1, 3):
        optimizer = build(rule, [unaligned(param, offset) for param in gradients_at(0, dtype)])
        with op.use_isa(isa):
            run(optimizer, dtype, offset)
        assert_same_bits(arrays_of(optimizer), expected(rule, dtype))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("rule", some(RULES))
def test_every_team(rule: str, dtype: Any) -> None:
    for layer, threads in TEAMS:
        op.set_threading_layer(layer)
        op.set_num_threads(threads)
        optimizer = build(rule, gradients_at(0, dtype))
        run(optimizer, dtype, offset=0)
        assert_same_bits(arrays_of(optimizer), expected(rule, dtype))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("rule", some(SINGLE))
def test_every_tensor_by_itself(rule: str, dtype: Any) -> None:
    optimizers = [build(rule, param) for param in gradients_at(0, dtype)]
    for step in range(1, STEPS + 1):
        for optimizer, gradient in zip(optimizers, gradients_at(step, dtype), strict=True):
            change_hypers(optimizer.param_groups[0], step)
            optimizer.step(gradient)
    params = [optimizer.params[0] for optimizer in optimizers]
    states = [value for optimizer in optimizers for value in optimizer.state[0].values()]
    assert_same_bits([*params, *states], expected(rule, dtype))


@pytest.mark.parametrize("rule", some(RULES))
def test_maximize(rule: str) -> None:
    optimizer = build(rule, gradients_at(0, np.float32), maximize=True)
    run(optimizer, np.float32, offset=0)
    assert_same_bits(arrays_of(optimizer), expected(rule, np.float32, maximize=True))
    assert not np.array_equal(optimizer.params[-1], expected(rule, np.float32)[len(SIZES) - 1])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("rule", RULES)
def test_special_values(rule: str, isa: str, dtype: Any) -> None:
    """Infinities, NaNs, subnormals, signed zeros and overflow, in the body and in the tail alike."""
    info = np.finfo(dtype)
    odd = [0.0, -0.0, np.inf, -np.inf, np.nan, info.tiny / 8, -info.tiny / 8, info.tiny, info.max, -info.max, 1e20, 1.0]
    pairs = np.array(np.meshgrid(odd, odd)).reshape(2, -1).astype(dtype)
    param, gradient = (np.concatenate([values, values[:13]]) for values in pairs)
    optimizer = build(rule, [param.copy()])
    twin = Twin(optimizer)
    with op.use_isa(isa):
        for _ in range(4):
            optimizer.step([gradient])
            twin.step([gradient])
    assert_same_bits(arrays_of(optimizer), twin.arrays())


@pytest.mark.parametrize("rule", RULES)
def test_every_step_count(rule: str, rng: np.random.Generator) -> None:
    for step in (1, 2, 3, 10, 999, 10**6, 2**24 + 1, 2**31, 2**53 - 1):
        optimizer = build(rule, [spread(rng, 100, np.float64)])
        twin = Twin(optimizer)
        for state in (*optimizer.state, *twin.states):
            state["step"][...] = step - 1
        gradient = spread(rng, 100, np.float64)
        optimizer.step([gradient])
        twin.step([gradient])
        assert_same_bits(arrays_of(optimizer), twin.arrays())
        assert np.isfinite(optimizer.params[0]).all()


@pytest.mark.parametrize("rule", RULES)
def test_functional_is_the_same_kernel(rule: str, rng: np.random.Generator) -> None:
    signature = signatures[rule]
    optimizer = build(rule, [spread(rng, (20, 5), np.float32)])
    (param,), (state,) = optimizer.params, optimizer.state
    twin = param.copy()
    arrays = copy.deepcopy(signature.kept(param, state))
    hypers = {name: optimizer.param_groups[0][name] for name in signature.defaults}
    for step in range(1, 5):
        gradient = spread(rng, (20, 5), np.float32)
        optimizer.step([gradient])
        getattr(op.functional, f"{rule}_")(twin, gradient, step=step, **arrays, **hypers)
    assert_same_bits([twin, *arrays.values()], [param, *signature.kept(param, state).values()])


@given(data=strategies.data())
@settings(max_examples=60, deadline=None)
def test_any_grouping(data: strategies.DataObject) -> None:
    """Any number of tensors of any size at any alignment, with and without gradients, on any level, by any team."""
    rule = data.draw(strategies.sampled_from(RULES))
    dtype = data.draw(strategies.sampled_from(DTYPES))
    sizes = data.draw(strategies.lists(strategies.integers(0, 70) | strategies.integers(30_000, 40_000), min_size=1))
    offset = data.draw(strategies.integers(0, 20))
    rng = np.random.default_rng(data.draw(strategies.integers(0, 2**32)))
    optimizer = build(rule, [unaligned(spread(rng, size, dtype), offset) for size in sizes])
    twin = Twin(optimizer)
    for _ in range(3):
        present = data.draw(strategies.lists(strategies.booleans(), min_size=len(sizes), max_size=len(sizes)))
        gradients = [spread(rng, size, dtype) if one else None for size, one in zip(sizes, present, strict=True)]
        op.set_threading_layer(data.draw(strategies.sampled_from(LAYERS)))
        op.set_num_threads(data.draw(strategies.integers(1, 5)))
        with op.use_isa(data.draw(strategies.sampled_from(ISAS))):
            optimizer.step(gradients)
        twin.step(gradients)
    assert_same_bits(arrays_of(optimizer), twin.arrays())


def test_groups_have_their_own_hypers_and_dtypes(rng: np.random.Generator) -> None:
    params = [spread(rng, 50_000, np.float32), spread(rng, 501, np.float64), spread(rng, (7, 9), np.float32)]
    groups = [{"params": [param.copy()], "lr": lr} for param, lr in zip(params, (0.1, 0.2, 0.3), strict=True)]
    together = op.AdamW(groups, weight_decay=0.1)
    apart = [
        op.AdamW([param.copy()], lr=lr, weight_decay=0.1) for param, lr in zip(params, (0.1, 0.2, 0.3), strict=True)
    ]
    for _ in range(4):
        gradients = [spread(rng, param.shape, param.dtype) for param in params]
        together.step(gradients)
        for optimizer, gradient in zip(apart, gradients, strict=True):
            optimizer.step([gradient])
    assert_same_bits(together.params, [optimizer.params[0] for optimizer in apart])


@pytest.mark.parametrize("rule", some(RULES))
def test_parameters_at_different_step_counts(rule: str, rng: np.random.Generator) -> None:
    """A parameter without a gradient sits the step out, and its step count with it."""
    optimizer = build(rule, [spread(rng, size, np.float64) for size in (5, 6, 5, 7)])
    twin = Twin(optimizer)
    for step in range(6):
        gradients = [spread(rng, 5, np.float64), None, spread(rng, 5, np.float64), spread(rng, 7, np.float64)]
        if step % 2:
            gradients[1], gradients[2] = spread(rng, 6, np.float64), None
        optimizer.step(gradients)
        twin.step(gradients)
    assert [int(state["step"]) for state in optimizer.state] == [6, 3, 3, 6]
    assert_same_bits(arrays_of(optimizer), twin.arrays())
