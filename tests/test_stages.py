"""Have rules of several stages the bits of their reference, whichever tensors are whole in one thread, and beside what?

Sums run over a tensor. Up to 32768 elements one thread takes it through all stages; beyond, each stage is a sweep that
threads share, in tiles of 4096.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator
from typing import Any, cast

import numpy as np
import pytest
from cases import (
    DTYPES,
    ISAS,
    LAYERS,
    RECORDS,
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
from onepass.checks import Averaging, NotNegative
from onepass.optimizer import Optimizer
from onepass.optimizer.optimizer import Values
from onepass.reference import Twin
from onepass.signatures import signatures

STAGED = [rule for rule in RULES if len(RECORDS[rule]["stages"]) > 1]
#: Around a tile, around what one thread takes whole, and well beyond.
SIZES = [0, 1, 4095, 4096, 4097, 32_767, 32_768, 32_769, 100_003]


def test_there_are_such_rules() -> None:
    assert {"lamb", "lars", "novograd", "stableadamw"} <= set(STAGED)


#: What each stage must look at, by its formula.
READS = {
    "adamw": [{"p", "g", "exp_avg", "exp_avg_sq"}],
    "lamb": [{"p", "g", "exp_avg", "exp_avg_sq"}, {"p", "exp_avg", "exp_avg_sq"}],
    "lars": [{"p", "g"}, {"p", "g", "momentum_buffer"}],
    "novograd": [{"g"}, {"p", "g", "exp_avg"}],
    "stableadamw": [{"g", "exp_avg", "exp_avg_sq"}, {"p", "exp_avg", "exp_avg_sq"}],
    "mars": [{"g", "previous_grad"}, {"p", "g", "exp_avg", "exp_avg_sq", "previous_grad"}],
    "adam_cautious": 2 * [{"p", "g", "exp_avg", "exp_avg_sq"}],  # the decay is in the gradient
    "adamw_cautious": [{"g", "exp_avg", "exp_avg_sq"}, {"p", "g", "exp_avg", "exp_avg_sq"}],
    "lion_cautious": [{"g", "exp_avg"}, {"p", "g", "exp_avg"}],
}


@pytest.mark.parametrize("rule", READS)
def test_a_stage_reads_what_its_formula_takes(rule: str) -> None:
    assert [set(stage.reads) for stage in signatures[rule].rule.stages] == READS[rule]


def test_what_a_step_moves() -> None:
    """Arrays read and written, counted by hand from the formulas."""
    moved = {name: signatures[name].rule.transfers for name in ("adamw", "lamb", "lars", "novograd", "adafactor")}
    assert moved["adamw"](32_768) == moved["adamw"](32_769) == {"p": 2, "g": 1, "exp_avg": 2, "exp_avg_sq": 2}
    assert moved["lamb"](32_768) == {"p": 2, "g": 1, "exp_avg": 2, "exp_avg_sq": 2}
    assert moved["lamb"](32_769) == {"p": 3, "g": 1, "exp_avg": 3, "exp_avg_sq": 3}
    assert moved["lars"](32_769) == {"p": 3, "g": 2, "momentum_buffer": 2}
    assert moved["novograd"](32_769) == {"p": 2, "g": 2, "exp_avg": 2}
    assert moved["adafactor"](32_768) == {"p": 2, "g": 2}  # before the first stage for the rows and columns
    assert moved["adafactor"](32_769) == {"p": 3, "g": 3}


def tensors(seed: int, sizes: list[int], dtype: Any = np.float32) -> list[Array]:
    rng = np.random.default_rng(seed)
    return [spread(rng, size, np.float32).astype(dtype) for size in sizes]


# Options of the step, on tensors that go each way

STORAGES: list[tuple[str, str | None, str]] = [
    ("float32", None, "nearest"),
    ("float32", "bfloat16", "nearest"),
    ("float32", "float16", "nearest"),
    ("float32", "float8", "nearest"),
    ("float64", None, "nearest"),
    ("bfloat16", None, "stochastic"),
    ("bfloat16", "float8", "kahan"),
    ("float16", "float16", "stochastic"),
    ("float16", None, "kahan"),
]
OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "clip": {"clip_norm": 0.5, "clip_value": 3.0},
    "skip": {"skip_nonfinite": True, "zero_grad": True},
    "follow": {"ema": True, "ema_decay": 0.9, "mirror": "float16", "zero_grad": True},
    "accumulate": {"accumulate": 2, "clip_norm": 0.5, "grad_scale": 4.0},
    "all": {
        "accumulate": 2,
        "clip_norm": 0.5,
        "skip_nonfinite": True,
        "ema": True,
        "mirror": "bfloat16",
        "zero_grad": True,
        "maximize": True,
        "flush_subnormals": True,
    },
}


def steps(gradients: list[Array]) -> Iterator[list[Array | None]]:
    """All have gradients, then some have none, then one is infinite, then all again."""
    yield list(gradients)
    yield [None if number % 3 == 1 else -gradient for number, gradient in enumerate(gradients)]
    spoilt = [gradient.copy() for gradient in gradients]
    spoilt[-1][70_000] = np.inf
    yield list(spoilt)
    yield list(gradients)


@pytest.mark.parametrize(
    ("storage", "options"),
    [
        pytest.param(storage, options, id="-".join(map(str, [*storage, options])))
        for storage in STORAGES
        for options in (OPTIONS if storage == STORAGES[0] else ("plain", "all"))
    ],
)
@pytest.mark.parametrize("rule", some(STAGED))
def test_every_storage_and_option(rule: str, storage: tuple[str, str | None, str], options: str) -> None:
    pytest.importorskip("ml_dtypes")
    name, state_dtype, rounding = storage
    dtype = np.dtype(__import__("ml_dtypes").bfloat16 if name == "bfloat16" else name)
    op.set_num_threads(2)
    stored: dict[str, Any] = {"state_dtype": state_dtype, "rounding": rounding, "seed": 9}
    optimizer = build(rule, tensors(0, SIZES, dtype), **stored, **OPTIONS[options])
    twin = Twin(optimizer)
    for gradients in steps(tensors(1, SIZES, dtype)):
        mine, theirs = ([None if one is None else one.copy() for one in gradients] for _ in range(2))
        assert repr(optimizer.step(mine)) == repr(twin.step(theirs))
        for one, other in zip(mine, theirs, strict=True):
            assert_same_bits([one] if one is not None else [], [other] if other is not None else [])
    assert_same_bits(arrays_of(optimizer), twin.arrays())


# Who adds up, and in which order parameters are given


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("rule", STAGED)
def test_teams_levels_and_orders_change_no_bit(rule: str, dtype: Any) -> None:
    params, gradients = tensors(0, SIZES, dtype), tensors(1, SIZES, dtype)
    twin = Twin(build(rule, [param.copy() for param in params]))
    for _ in range(3):
        twin.step(gradients)
    rng = np.random.default_rng(2)
    for isa, (layer, threads) in itertools.product(ISAS, [*TEAMS, (LAYERS[-1], 4)]):
        order = rng.permutation(len(SIZES)) if rule in SINGLE else np.arange(len(SIZES))
        op.set_threading_layer(layer)
        op.set_num_threads(threads)
        optimizer = build(rule, [unaligned(params[i], int(rng.integers(4))) for i in order])
        with op.use_isa(isa):
            for _ in range(3):
                optimizer.step([gradients[i] for i in order])
        for place, number in enumerate(order):
            own = [optimizer.params[place], *optimizer.state[place].values()]
            assert_same_bits(own, [twin.params[number], *twin.states[number].values()])


def cut(arrays: list[Array]) -> list[Array]:
    return [half for array in arrays for half in np.split(array.copy(), [len(array) // 2])]


@pytest.mark.parametrize("size", [5000, 50_000])
@pytest.mark.parametrize("rule", SINGLE)
def test_only_sums_know_where_a_tensor_ends(rule: str, size: int) -> None:
    """What docs/optimizers.md says: to cut a tensor in two is another problem where a rule sums over it."""
    (param,), (gradient,) = tensors(0, [size]), tensors(1, [size])
    whole, halves = build(rule, [param.copy()]), build(rule, cut([param]))
    for step in range(6):
        gradient[: size // 2] = 2.0**step * tensors(step, [size // 2])[0]  # larger, and partly against the momentum
        whole.step([gradient])
        halves.step(cut([gradient]))
    same = np.array_equal(whole.params[0], np.concatenate(halves.params))
    assert same == (rule not in STAGED)


@pytest.mark.parametrize("rule", [rule for rule in STAGED if not signatures[rule].rule.factors])
def test_shape_and_order_in_memory_are_no_part_of_a_sum(rule: str) -> None:
    (param,), (gradient,) = tensors(0, [250 * 160]), tensors(1, [250 * 160])
    ends = []
    for shape, order in (((40_000,), "C"), ((250, 160), "C"), ((160, 250), "F"), ((4, 100, 100), "C")):
        one, its_gradient = (
            array.reshape(shape, order=cast(Any, order)).copy(order=cast(Any, order)) for array in (param, gradient)
        )
        optimizer = build(rule, [one])
        for _ in range(3):
            optimizer.step([its_gradient])
        ends.append(one.ravel(order="K"))
    assert_same_bits(ends[1:], [ends[0]] * 3)


@pytest.mark.parametrize("rule", STAGED)
def test_the_functions_take_any_shape(rule: str, rng: np.random.Generator) -> None:
    """Kernel and reference, of matrices in both orders and of one number."""
    signature = signatures[rule]
    hypers = build(rule, [np.ones(1)]).param_groups[0]
    for shape, order in (((70, 90), "C"), ((70, 90), "F"), ((3, 4, 500), "C"), ((), "C"), ((0, 3), "C")):
        start = np.asarray(spread(rng, shape, np.float64)).copy(order=cast(Any, order))
        optimizer = build(rule, [start.copy(order="K")])
        arrays = signature.kept(start, optimizer.state[0])
        sides = [(start.copy(order="K"), copy.deepcopy(arrays)) for _ in "ab"]
        for step in (1, 2):
            gradient = np.asarray(spread(rng, shape, np.float64)).copy(order=cast(Any, order))
            for (param, state), module in zip(sides, (op.functional, op.reference), strict=True):
                given = {name: hypers[name] for name in signature.defaults}
                getattr(module, f"{rule}_")(param, gradient, **state, step=step, **given)
        assert_same_bits([sides[0][0], *sides[0][1].values()], [sides[1][0], *sides[1][1].values()])


# Groups whose rules have one stage and several


class Mixed(Optimizer):
    """Rules of one stage and of two in one optimizer, group by group."""

    rules = ("lamb", "adamw")
    lr: NotNegative = 1e-2
    betas: tuple[Averaging, Averaging] = (0.9, 0.999)
    eps: NotNegative = 1e-6
    weight_decay: NotNegative = 1e-2
    trust: bool = True

    @classmethod
    def rule(cls, values: Values) -> str:
        return "lamb" if values["trust"] else "adamw"


del Optimizer.registry["mixed"]


@given(data=strategies.data())
@settings(max_examples=30, deadline=None)
def test_any_mixture_of_groups(data: strategies.DataObject) -> None:
    draw = data.draw
    sizes = draw(strategies.lists(strategies.sampled_from(SIZES), min_size=2, max_size=6))
    trusts = draw(strategies.lists(strategies.booleans(), min_size=len(sizes), max_size=len(sizes)))
    params = tensors(draw(strategies.integers(0, 2**32)), sizes)
    groups = [{"params": [param], "trust": trust} for param, trust in zip(params, trusts, strict=True)]
    optimizer = Mixed(groups, **OPTIONS[draw(strategies.sampled_from(list(OPTIONS)))])
    assert [group.rule == "lamb" for group in optimizer.param_groups] == trusts
    twin = Twin(optimizer)
    op.set_threading_layer(draw(strategies.sampled_from(LAYERS)))
    op.set_num_threads(draw(strategies.integers(1, 4)))
    for number in range(4):
        gradients = [one if draw(strategies.integers(0, 4)) else None for one in tensors(number, sizes)]
        mine, theirs = ([None if one is None else one.copy() for one in gradients] for _ in range(2))
        assert repr(optimizer.step(mine)) == repr(twin.step(theirs))
    assert_same_bits(arrays_of(optimizer), twin.arrays())


# What does not reach others


@pytest.mark.parametrize("rule", some(SINGLE))
def test_what_is_not_finite_stays_in_its_tensor(rule: str) -> None:
    sizes = [10, 40_000, 5000, 40_000]
    op.set_num_threads(2)
    clean = build(rule, tensors(0, sizes))
    for _ in range(2):
        clean.step(tensors(1, sizes))
    for spoilt, where in itertools.product([np.nan, np.inf, -np.inf], ["gradient", "param"]):
        params, gradients = tensors(0, sizes), tensors(1, sizes)
        (params if where == "param" else gradients)[1][35_000] = spoilt
        optimizer = build(rule, params)
        for _ in range(2):
            optimizer.step(gradients)
        for number in (0, 2, 3):
            own, expected = ((one.params[number], *one.state[number].values()) for one in (optimizer, clean))
            assert_same_bits(own, expected)
        assert all(np.isfinite(optimizer.params[number]).all() for number in (0, 2, 3))


@pytest.mark.parametrize("size", [0, 1, 5000, 40_000])
@pytest.mark.parametrize("rule", STAGED)
def test_norms_of_zero(rule: str, size: int) -> None:
    """Parameters, gradients or both are 0, from the start or later; nothing becomes NaN."""
    (some,) = tensors(0, [size])
    zeros = np.zeros(size, np.float32)
    for param, *gradients in ([zeros, some, zeros], [some, zeros, some], [zeros, zeros, zeros], [zeros, zeros, some]):
        optimizer = build(rule, [param.copy()])
        twin = Twin(optimizer)
        for gradient in gradients:
            optimizer.step([gradient])
            twin.step([gradient])
        assert_same_bits(arrays_of(optimizer), twin.arrays())
        assert np.isfinite(optimizer.params[0]).all()
        if size and gradients[-1].any():
            assert (optimizer.params[0] != param).any()
        if not any(array.any() for array in (param, *gradients)):
            assert not optimizer.params[0].any()


@pytest.mark.parametrize("rule", STAGED)
def test_scalars_and_lines(rule: str) -> None:
    shapes = [(), (1,), (1, 7), (7, 1), (3, 0), (1, 1, 1), (5, 7)]
    rng = np.random.default_rng(3)
    optimizer = build(rule, [np.asarray(spread(rng, shape, np.float64)) for shape in shapes])
    twin = Twin(optimizer)
    for _ in range(4):
        gradients = [np.asarray(spread(rng, shape, np.float64)) for shape in shapes]
        optimizer.step(gradients)
        twin.step(gradients)
    assert_same_bits(arrays_of(optimizer), twin.arrays())
    assert all(np.isfinite(param).all() for param in optimizer.params)
