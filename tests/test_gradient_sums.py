"""A gradient that is a list of arrays: their sum as one binary tree, in the pass, with the bits of the NumPy twin."""

from __future__ import annotations

import copy
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from cases import EVERYWHERE, RULES, Snapshot, arrays_of, assert_same_bits, build, spread, unaligned
from hypothesis import given, settings, strategies

import onepass as op
from onepass.arrays import Array
from onepass.reference import Twin
from onepass.reference.kernels.sums import tree_sum

ml_dtypes = pytest.importorskip("ml_dtypes")

F32, F64, F16, BF16 = map(np.dtype, (np.float32, np.float64, np.float16, ml_dtypes.bfloat16))
MIXED = {F32: [F32, BF16, F16], F64: [F64, F32], F16: [F16, F32], BF16: [BF16, F32]}
COUNTS = [*range(1, 10), 16, 33, 64]
#: Around packs, what partial sums are kept of, tiles, and tiles of sums.
SIZES = [0, 1, 7, 33, 255, 256, 257, 511, 513, 4095, 4097, 9001]

#: The trees, written out: for each count which arrays are added, innermost first.
TREES: dict[int, Any] = {
    2: (0, 1),
    3: ((0, 1), 2),
    4: ((0, 1), (2, 3)),
    5: (((0, 1), (2, 3)), 4),
    6: (((0, 1), (2, 3)), (4, 5)),
    7: (((0, 1), (2, 3)), ((4, 5), 6)),
    8: (((0, 1), (2, 3)), ((4, 5), (6, 7))),
    9: ((((0, 1), (2, 3)), ((4, 5), (6, 7))), 8),
}


def added(tree: Any, arrays: Sequence[Array]) -> Any:
    return arrays[tree] if isinstance(tree, int) else added(tree[0], arrays) + added(tree[1], arrays)


def parts(rng: np.random.Generator, size: Any, count: int, dtypes: Sequence[Any]) -> list[Array]:
    """Arrays of mixed dtypes, alike in runs, that start anywhere."""
    return [
        unaligned(spread(rng, size, np.float32).astype(dtypes[number // 5 % len(dtypes)]), number % 4)
        for number in range(count)
    ]


def run_both(optimizer: op.Optimizer, twin: Twin, gradients: list[Any], **options: Any) -> None:
    mine, theirs = copy.deepcopy(gradients), copy.deepcopy(gradients)
    assert repr(optimizer.step(mine, **options)) == repr(twin.step(theirs, **options))
    assert_same_bits(arrays_of(optimizer), twin.arrays())
    for one, other in zip(mine, theirs, strict=True):
        if isinstance(one, list):
            assert_same_bits(one, other)


@pytest.mark.parametrize("count", TREES)
def test_the_tree(count: int) -> None:
    """Of numbers whose sum tells the order, in the reference and in the step."""
    rng = np.random.default_rng(count)
    arrays = [spread(rng, 1000, np.float32) for _ in range(count)]
    expected = added(TREES[count], arrays)
    assert_same_bits([tree_sum(arrays)], [expected])
    p = np.zeros(1000, np.float32)
    op.SGD([p], lr=1.0).step([arrays])
    assert_same_bits([-p], [expected])


@pytest.mark.parametrize("count", [3, 8, 33, 64])
def test_subtrees_are_sums_by_themselves(count: int) -> None:
    """Whoever adds up 2^n arrays in a row, from a multiple of 2^n on, may hand over their sum in their place."""
    rng = np.random.default_rng(1)
    arrays = [spread(rng, 100, np.float32) for _ in range(count)]
    for width in (1, 2, 4, 8, 16, 32, 64):
        shorter = [tree_sum(arrays[start : start + width]) for start in range(0, count, width)]
        assert_same_bits([tree_sum(shorter)], [tree_sum(arrays)])


@pytest.mark.parametrize("param", MIXED, ids=str)
@pytest.mark.parametrize("count", COUNTS)
def test_bits_of_the_twin(param: Any, count: int) -> None:
    """Every count and dtype, on every level, layer and number of threads."""
    rng = np.random.default_rng(count)
    start = [spread(rng, size, np.float32).astype(param) for size in SIZES]
    gradients = [parts(rng, size, count, MIXED[param]) for size in SIZES]
    twin = Twin(op.AdamW([one.copy() for one in start]))
    twin.step(gradients)
    for isa, layer, threads in EVERYWHERE:
        op.set_threading_layer(layer)
        op.set_num_threads(threads)
        optimizer = op.AdamW([unaligned(one, 1) for one in start])
        with op.use_isa(isa):
            optimizer.step(gradients)
        assert_same_bits(arrays_of(optimizer), twin.arrays())


@pytest.mark.parametrize("rule", RULES)
def test_every_rule(rule: str) -> None:
    """Those of several stages sum in each of them."""
    rng = np.random.default_rng(2)
    optimizer = build(rule, [spread(rng, size, np.float32) for size in (700, 40_000)], state_dtype="bfloat16", seed=3)
    twin = Twin(optimizer)
    for count in (3, 8):
        run_both(optimizer, twin, [parts(rng, size, count, MIXED[F32]) for size in (700, 40_000)], clip_norm=1.0)


@given(data=strategies.data())
@settings(max_examples=60, deadline=None)
def test_any_options(data: strategies.DataObject) -> None:
    """Beside plain gradients and none; some numbers are not finite."""
    draw = data.draw
    param = draw(strategies.sampled_from(list(MIXED)))
    booleans, maybe = strategies.booleans(), lambda values: strategies.none() | strategies.sampled_from(values)
    sizes = draw(strategies.lists(strategies.integers(0, 700) | strategies.integers(4000, 9000), min_size=1))
    rng = np.random.default_rng(draw(strategies.integers(0, 2**32)))
    optimizer = build(
        draw(strategies.sampled_from(RULES)),
        [unaligned(spread(rng, size, np.float32).astype(param), draw(strategies.integers(0, 3))) for size in sizes],
        state_dtype=draw(strategies.sampled_from([None] if param == F64 else [None, "bfloat16", "float8"])),
        clip_value=draw(maybe([0.01, 1.0])),
        clip_norm=draw(maybe([0.01, 10.0])),
        skip_nonfinite=draw(booleans),
        zero_grad=draw(booleans),
        ema=draw(booleans),
        mirror=draw(maybe(["float32", "bfloat16"])),
        accumulate=draw(strategies.sampled_from([1, 3])),
        maximize=draw(booleans),
        grad_scale=draw(strategies.sampled_from([1.0, 3.0])),
    )
    twin = Twin(optimizer)
    for _ in range(draw(strategies.integers(2, 4))):
        gradients: list[Any] = []
        for size in sizes:
            gradient = parts(rng, size, draw(strategies.integers(1, 20)), draw(strategies.permutations(MIXED[param])))
            if size and draw(strategies.integers(0, 9)) == 0:
                one = draw(strategies.sampled_from(gradient))
                one[draw(strategies.integers(0, size - 1))] = draw(strategies.sampled_from([np.inf, -np.inf, np.nan]))
            gradients.append(draw(strategies.sampled_from([gradient, gradient, gradient[0], None])))
        op.set_num_threads(draw(strategies.integers(1, 4)))
        run_both(optimizer, twin, gradients)


def test_an_overflow_is_where_the_tree_has_it() -> None:
    """Not where another order would have it, and an infinity of either sign makes a NaN where both meet."""
    big, inf = np.float32([3e38]), np.float32([np.inf])
    for arrays, total in (
        ([big, big, -big, -big], np.nan),  # inf + -inf
        ([big, -big, big, -big], 0.0),
        ([big, big, -inf, -big], np.nan),
        ([big, -big, inf], np.inf),
    ):
        p = np.zeros(1, np.float32)
        op.SGD([p], lr=1.0).step([arrays])
        np.testing.assert_array_equal(-p, np.float32([total]))
        record = op.SGD([np.zeros(1, np.float32)], lr=1.0, skip_nonfinite=True).step([arrays])
        assert record.skipped == (not np.isfinite(total))


def test_it_is_the_sum() -> None:
    """`grad_scale` makes a mean of it; one array in a list is that array."""
    p = np.zeros(2)
    opt = op.SGD([p], lr=1.0)
    opt.step([(np.array([1.0, 2.0]), np.array([3.0, 4.0]))])
    opt.step([[np.array([4.0, 8.0]), np.array([0.0, 0.0])]], grad_scale=2)
    opt.step([[np.array([1.0, 1.0])]])
    assert p.tolist() == [-7.0, -11.0]


@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_lie_as_their_parameter(order: Any) -> None:
    rng = np.random.default_rng(4)
    param, arrays = spread(rng, (30, 41), np.float32), [spread(rng, (30, 41), np.float32) for _ in range(5)]
    optimizer = op.AdamW([np.array(param, order=order)])
    optimizer.step([[np.asarray(one, order=order) for one in arrays]])
    expected = op.AdamW([param.copy()])
    expected.step([arrays])
    assert_same_bits(arrays_of(optimizer), arrays_of(expected))


def test_one_number_and_the_same_array_twice() -> None:
    p, g = np.zeros((), np.float32), np.array(2.0, np.float32)
    op.SGD([p], lr=1.0).step([[g, g, g]])
    assert p == -6


@pytest.mark.parametrize("kind", [list, tuple, type("Own", (list,), {})])
def test_by_name_bound_and_in_any_sequence(kind: Any) -> None:
    params = {"w": np.zeros(3), "b": np.zeros(1)}
    opt = op.SGD(params, lr=1.0)
    gradients = {"w": kind([np.ones(3), np.ones(3)]), "b": np.ones(1)}
    opt.step(gradients)
    opt.bind_gradients(gradients)
    opt.step()
    assert params["w"].tolist() == [-4.0] * 3
    assert params["b"].tolist() == [-2.0]


def test_arrays_are_checked_anew_whenever_they_are_others() -> None:
    """Not taken for those of the step before."""
    p = np.zeros(4, np.float32)
    opt = op.SGD([p], lr=1.0)
    one, two = np.full(4, 1, np.float32), np.full(4, 2, np.float32)
    for gradient, total in (([one, two], 3), ([two, two], 7), (one, 8), ([one, one, two], 12), ([two], 14)):
        opt.step([gradient])
        assert p.tolist() == [-total] * 4
    two.resize(2, refcheck=False)
    before = Snapshot(opt)
    with pytest.raises(ValueError, match=r"^step: array 1 of gradient 0 has shape \(2,\), its parameter has \(4,\)"):
        opt.step([[one, two]])
    before.assert_unchanged()


def test_zero_grad_zeroes_all() -> None:
    arrays = [np.ones(600, dtype) for dtype in (F32, BF16, F16)]
    opt = op.SGD([np.zeros(600, np.float32)], lr=1.0, zero_grad=True)
    opt.step([arrays])
    assert not any(array.any() for array in arrays)
    assert opt.params[0].tolist() == [-3.0] * 600


REFUSED: dict[str, tuple[Any, type[Exception], str]] = {
    "nothing": ([], ValueError, "gradient 1 ('b') is a list of 0 arrays; 1 to 64 can be summed"),
    "many": ([np.zeros(2)] * 65, ValueError, "gradient 1 ('b') is a list of 65 arrays; 1 to 64 can be summed"),
    "None": ([np.zeros(2), None], TypeError, "array 1 of gradient 1 ('b') is None, and a sum needs them all"),
    "rows": (
        [np.zeros(2), op.SparseRows(np.array([0]), np.zeros((1,)))],
        TypeError,
        "array 1 of gradient 1 ('b') is SparseRows, which cannot be summed so",
    ),
    "numbers": ([1.0, 2.0], TypeError, "array 0 of gradient 1 ('b') must be a plain numpy.ndarray, got builtins.float"),
    "lists": ([[np.zeros(2)]], TypeError, "array 0 of gradient 1 ('b') must be a plain numpy.ndarray"),
    "a shape": ([np.zeros(2), np.zeros(3)], ValueError, "array 1 of gradient 1 ('b') has shape (3,)"),
    "a dtype": ([np.zeros(2, np.float16)], TypeError, "array 0 of gradient 1 ('b') has dtype float16"),
    "a slice": ([np.zeros(4)[::2]], ValueError, "array 0 of gradient 1 ('b') lies in memory in another order"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_summed_is_refused(what: str) -> None:
    gradient, error, text = REFUSED[what]
    opt = op.SGD({"w": np.ones(2), "b": np.ones(2)})
    opt.step([np.ones(2), [np.ones(2), np.ones(2)]])
    before = Snapshot(opt)
    with pytest.raises(error, match="^step: " + re.escape(text)):
        opt.step([np.ones(2), gradient])
    before.assert_unchanged()


def test_arrays_that_share_memory_are_refused_where_it_matters() -> None:
    param, memory = np.zeros(4), np.ones(6)
    opt = op.SGD([param], lr=1.0, momentum=0.9)
    opt.step([[memory[:4], memory[2:]]])
    assert param.tolist() == [-2.0] * 4
    before = Snapshot(opt)
    with pytest.raises(ValueError, match="^step: arrays of gradient 0 share memory, but zero_grad=True"):
        opt.step([[memory[:4], memory[2:]]], zero_grad=True)
    for own in (param, opt.state[0]["momentum_buffer"]):
        with pytest.raises(ValueError, match="^step: array 1 of gradient 0 shares memory with"):
            opt.step([[memory[:4], own]])
    memory.flags.writeable = False
    with pytest.raises(ValueError, match=r"^step: array 0 of gradient 0 is read-only, but zero_grad=True"):
        opt.step([[memory[:4], np.ones(4)]], zero_grad=True)
    before.assert_unchanged()


def test_arrays_of_two_gradients_that_share_memory_are_refused_with_zero_grad() -> None:
    """Also where the same arrays were fine as gradients of others before."""
    memory = np.ones(8)
    opt = op.SGD([np.zeros(2), np.zeros(4), np.zeros(4)], lr=1.0, zero_grad=True)
    opt.step([[memory[:2], np.ones(2)], memory[2:6], None])
    with pytest.raises(ValueError, match="^step: gradients 1 and 2 share memory, but zero_grad=True"):
        opt.step([None, [memory[:4], np.ones(4)], [np.ones(4), memory[2:6]]])


class Changes(list[Any]):
    """A list that changes what it holds while it is read."""

    def __iter__(self) -> Any:
        yield self[0]
        self[0].resize(1, refcheck=False)
        yield self[0]


def test_a_list_that_runs_code_is_read_once() -> None:
    opt = op.SGD([np.zeros(4)])
    before = Snapshot(opt)
    with pytest.raises(ValueError, match=r"^step: array 0 of gradient 0 has shape \(1,\)"):
        opt.step([Changes([np.ones(4)])])
    before.assert_unchanged()


def test_a_mean_is_clipped_as_one_gradient() -> None:
    """The norm is that of the sum, by its scale."""
    rng = np.random.default_rng(6)
    arrays = [spread(rng, 5000, np.float32) for _ in range(6)]
    listed, alone = op.SGD([np.zeros(5000, np.float32)], clip_norm=0.5), op.SGD([np.zeros(5000, np.float32)])
    record = listed.step([arrays], grad_scale=6)
    assert record == alone.step([tree_sum(arrays)], grad_scale=6, clip_norm=0.5)
    assert_same_bits(listed.params, alone.params)


def accumulated(rule: str, params: Sequence[Array], calls: Sequence[Any], **options: Any) -> op.Optimizer:
    optimizer = build(rule, [param.copy() for param in params], accumulate=len(calls), **options)
    for gradients in calls:
        optimizer.step(gradients)
    return optimizer


@pytest.mark.parametrize("count", [2, 3, 4, 5, 6, 7, 8, 9, 16, 33])
@pytest.mark.parametrize("param", MIXED, ids=str)
def test_accumulating_as_a_tree_is_a_list(param: Any, count: int) -> None:
    """One process that accumulates k gradients has the bits of one that steps with all of them."""
    rng = np.random.default_rng(count)
    params = [spread(rng, size, np.float32).astype(param) for size in (0, 1, 513, 5000)]
    gradients = [parts(rng, one.size, count, MIXED[param]) for one in params]
    for options in ({}, {"clip_norm": 0.5}, {"clip_value": 0.1, "ema": True}):
        listed = build("adamw", [one.copy() for one in params], grad_scale=count, **options)
        tree = accumulated("adamw", params, list(zip(*gradients, strict=True)), accumulate_sum="tree", **options)
        listed.step(gradients)
        assert_same_bits(tree.params, listed.params)
        for one, other in zip(tree.state, listed.state, strict=True):
            assert_same_bits([one[name] for name in other], other.values())


@pytest.mark.parametrize("rule", ["lamb", "sgd"])
def test_lists_in_calls_make_one_tree(rule: str) -> None:
    """Two calls of four, four of two, eight of one, and one step of eight."""
    rng = np.random.default_rng(8)
    params = [spread(rng, size, np.float32) for size in (600, 40_000)]
    gradients = [parts(rng, param.size, 8, [F32, BF16]) for param in params]
    expected = build(rule, [param.copy() for param in params], grad_scale=8)
    expected.step(gradients)
    for width in (1, 2, 4):
        starts = range(0, 8, width)
        calls = [[gradient[start : start + width] for gradient in gradients] for start in starts]
        # The mean is over the calls.
        found = accumulated(rule, params, calls, accumulate_sum="tree", grad_scale=width)
        assert_same_bits(found.params, expected.params)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 8, 9, 64, 65, 2**31 - 1])
def test_the_arrays_that_wait(count: int) -> None:
    """As many as k - 1 has digits; a tree of two is a running sum."""
    names = [name for name in op.SGD([np.zeros(1)], accumulate=count, accumulate_sum="tree").state[0] if "sum" in name]
    assert len(names) == (count - 1).bit_length() == len(set(names))
    assert names == ["grad_sum", *(f"grad_sum_{2**level}" for level in range(1, len(names)))][: len(names)]


@given(data=strategies.data())
@settings(max_examples=60, deadline=None)
def test_any_tree(data: strategies.DataObject) -> None:
    """With gaps, infinities, skipped rounds, and scales that change from call to call."""
    draw = data.draw
    param = draw(strategies.sampled_from(list(MIXED)))
    sizes = draw(strategies.lists(strategies.integers(0, 700) | strategies.integers(4000, 9000), min_size=1))
    rng = np.random.default_rng(draw(strategies.integers(0, 2**32)))
    optimizer = build(
        draw(strategies.sampled_from(RULES)),
        [spread(rng, size, np.float32).astype(param) for size in sizes],
        accumulate=draw(strategies.integers(2, 9)),
        accumulate_sum="tree",
        clip_norm=draw(strategies.sampled_from([None, 0.5])),
        skip_nonfinite=draw(strategies.booleans()),
        zero_grad=draw(strategies.booleans()),
    )
    twin = Twin(optimizer)
    for _ in range(draw(strategies.integers(2, 20))):
        gradients: list[Any] = []
        for size in sizes:
            gradient = parts(rng, size, draw(strategies.integers(1, 3)), MIXED[param])
            if size and draw(strategies.integers(0, 19)) == 0:
                gradient[0][draw(strategies.integers(0, size - 1))] = np.inf
            gradients.append(draw(strategies.sampled_from([gradient, gradient[0], None])))
        found = draw(strategies.sampled_from([0, 0, 0, 1]))
        op.set_num_threads(draw(strategies.integers(1, 4)))
        run_both(optimizer, twin, gradients, grad_scale=draw(strategies.sampled_from([1.0, 3.0])), found_inf=found)


def test_a_tree_stopped_in_its_midst_goes_on(tmp_path: Any) -> None:
    """Saved to disk after each call, with what waits."""
    rng = np.random.default_rng(9)
    start, gradients = spread(rng, 1000, np.float32), [spread(rng, 1000, np.float32) for _ in range(7)]
    straight = accumulated("adamw", [start], [[gradient] for gradient in gradients], accumulate_sum="tree")
    optimizer = build("adamw", {"w": start.copy()}, accumulate=7, accumulate_sum="tree")
    for gradient in gradients:
        optimizer.step([gradient])
        op.save(tmp_path / "state", optimizer)
        optimizer = build("adamw", {"w": np.zeros_like(start)}, accumulate=7, accumulate_sum="tree")
        op.load(tmp_path / "state", optimizer)
    assert_same_bits(arrays_of(optimizer), arrays_of(straight))
