"""The whole step equals the NumPy twin bit for bit: storage, gradients, averages and copies in any combination."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from cases import ISAS, LAYERS, RULES, arrays_of, assert_same_bits, build, spread, unaligned
from hypothesis import given, settings, strategies

import onepass as op
from onepass.arrays import Array
from onepass.reference import Twin

ml_dtypes = pytest.importorskip("ml_dtypes")

BF16 = np.dtype(ml_dtypes.bfloat16)
PARAMS = [np.dtype(np.float32), np.dtype(np.float64), BF16, np.dtype(np.float16)]


def gradient_dtypes(param: Any) -> list[Any]:
    return PARAMS if param == np.float32 else [param, np.dtype(np.float32)]


def state_dtypes(param: Any) -> list[str | None]:
    return [None] if param == np.float64 else [None, "bfloat16", "float16", "float8"]


def roundings(param: Any) -> list[str]:
    return ["nearest", "stochastic", "kahan"] if param.itemsize == 2 else ["nearest"]


def run_both(
    optimizer: op.Optimizer, twin: Twin, gradients: list[Array | None], same_record: bool = True, **options: Any
) -> None:
    """A step of each, which must end with the same bits and the same record."""
    mine = [None if one is None else one.copy() for one in gradients]
    theirs = [None if one is None else one.copy() for one in gradients]
    record, expected = optimizer.step(mine, **options), twin.step(theirs, **options)
    assert_same_bits(arrays_of(optimizer), twin.arrays())
    assert_same_bits([one for one in mine if one is not None], [one for one in theirs if one is not None])
    assert repr(record) == repr(expected)


SIZES = [0, 1, 15, 17, 255, 256, 257, 511, 513, 1000, 4095, 4096, 4097, 20_001]


def storages() -> list[Any]:
    return [
        pytest.param(param, gradient, state, rounding, id=f"{param.name}-{gradient.name}-{state}-{rounding}")
        for param in PARAMS
        for gradient in gradient_dtypes(param)
        if gradient != np.float64 or param == np.float64
        for state in state_dtypes(param)
        for rounding in roundings(param)
    ]


@pytest.mark.parametrize(("param", "gradient", "state", "rounding"), storages())
@pytest.mark.parametrize("rule", ["adamw", "amsgrad", "sgd", "nesterov", "adagrad", "rprop", "asgd"])
def test_every_storage(rule: str, param: Any, gradient: Any, state: str | None, rounding: str) -> None:
    """Every combination of dtypes and roundings, on every level."""
    rng = np.random.default_rng(3)
    start = [spread(rng, size, np.float32).astype(param) for size in SIZES]
    for isa in ISAS:
        optimizer = build(rule, [unaligned(one, 1) for one in start], state_dtype=state, rounding=rounding, seed=5)
        twin = Twin(optimizer)
        with op.use_isa(isa):
            for _ in range(3):
                gradients = [unaligned(spread(rng, size, np.float32).astype(gradient), 1) for size in SIZES]
                run_both(optimizer, twin, list(gradients))


@given(data=strategies.data())
@settings(max_examples=150, deadline=None)
def test_any_combination_of_options(data: strategies.DataObject) -> None:
    """Any rule, sizes, dtypes, options, threads and levels; some parameters sit out; some gradients are not finite."""
    draw = data.draw
    param = draw(strategies.sampled_from(PARAMS))
    booleans, maybe = strategies.booleans(), lambda values: strategies.none() | strategies.sampled_from(values)
    sizes = draw(strategies.lists(strategies.integers(0, 700) | strategies.integers(4000, 20_000), min_size=1))
    rng = np.random.default_rng(draw(strategies.integers(0, 2**32)))
    optimizer = build(
        draw(strategies.sampled_from(RULES)),
        [unaligned(spread(rng, size, np.float32).astype(param), draw(strategies.integers(0, 3))) for size in sizes],
        state_dtype=draw(strategies.sampled_from(state_dtypes(param))),
        state_rounding=draw(strategies.sampled_from(["stochastic", "nearest"])),
        rounding=draw(strategies.sampled_from(roundings(param))),
        seed=draw(strategies.integers(0, 2**64 - 1)),
        flush_subnormals=draw(booleans),
        clip_value=draw(maybe([0.01, 1.0, float("inf")])),
        clip_norm=draw(maybe([0.01, 10.0, float("inf")])),
        skip_nonfinite=draw(booleans),
        zero_grad=draw(booleans),
        ema=draw(booleans),
        ema_decay=draw(maybe([0.0, 0.9, 1.0])),
        mirror=draw(maybe(["float32", "bfloat16", "float16"])),
        accumulate=draw(strategies.sampled_from([1, 1, 3])),
        accumulate_sum=draw(strategies.sampled_from(["running", "tree"])),
        maximize=draw(booleans),
    )
    twin = Twin(optimizer)
    for _ in range(draw(strategies.integers(2, 6))):
        gradients: list[Array | None] = []
        for size in sizes:
            dtype = draw(strategies.sampled_from(gradient_dtypes(param)[:1] + gradient_dtypes(param)[-1:]))
            gradient = spread(rng, size, np.float32).astype(np.float64 if param == np.float64 else dtype)
            if size and draw(strategies.integers(0, 9)) == 0:
                gradient[draw(strategies.integers(0, size - 1))] = draw(strategies.sampled_from([np.inf, np.nan]))
            gradients.append(gradient if draw(strategies.integers(0, 4)) else None)
        op.set_threading_layer(draw(strategies.sampled_from(LAYERS)))
        op.set_num_threads(draw(strategies.integers(1, 4)))
        changes = draw(
            strategies.fixed_dictionaries(
                {},
                optional={
                    "grad_scale": strategies.sampled_from([3.0, 1024.0]),
                    "clip_norm": maybe([0.5]),
                    "zero_grad": booleans,
                    "found_inf": strategies.sampled_from([0, 1.0, float("nan"), np.zeros(1)]),
                },
            )
        )
        with op.use_isa(draw(strategies.sampled_from(ISAS))):
            run_both(optimizer, twin, gradients, **changes)
