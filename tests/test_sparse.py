"""Sparse rows: only what is named is touched, with the bits of the NumPy twin; what does not fit is refused."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from cases import ISAS, LAYERS, TEAMS, Snapshot, arrays_of, assert_same_bits, build, spread
from hypothesis import given, settings, strategies

import onepass as op
from onepass.reference import Twin

ml_dtypes = pytest.importorskip("ml_dtypes")

LAZY = ["sgd", "adagrad", "rmsprop", "adam", "adamw"]
BF16 = np.dtype(ml_dtypes.bfloat16)


def table_optimizer(rule: str, shape: Any = (7, 3), dtype: Any = np.float64, **options: Any) -> op.Optimizer:
    rng = np.random.default_rng(4)
    return build(rule, [spread(rng, shape, np.float32).astype(dtype)], **{"weight_decay": 0.0, **options})


def rows(indices: Any, width: int = 3, dtype: Any = np.float64) -> op.SparseRows:
    rng = np.random.default_rng(5)
    return op.SparseRows(np.asarray(indices, np.int64), spread(rng, (len(indices), width), np.float32).astype(dtype))


@pytest.mark.parametrize("rule", LAZY)
def test_it_is_the_dense_step_of_its_rows(rule: str) -> None:
    """And leaves every other row, and its state, as it was."""
    sparse, dense = table_optimizer(rule), table_optimizer(rule)
    before = [array.copy() for array in arrays_of(sparse)]
    gradient = np.zeros((7, 3))
    gradient[[5, 1, 2]] = rows([5, 1, 2]).values
    sparse.step([rows([5, 1, 2])])
    dense.step([gradient])
    for one, other, old in zip(arrays_of(sparse), arrays_of(dense), before, strict=True):
        if one.ndim == 2:
            assert_same_bits([one[[1, 2, 5]], one[[0, 3, 4, 6]]], [other[[1, 2, 5]], old[[0, 3, 4, 6]]])
    assert int(sparse.state[0]["step"]) == 1


def test_values_of_one_row_are_added_in_their_order() -> None:
    """In float32 the order shows: 1e8 + 1 - 1e8 is 0, 1e8 - 1e8 + 1 is 1."""
    for values, total in ([1e8, 1.0, -1e8], 0.0), ([1e8, -1e8, 1.0], 1.0):
        table = np.zeros((3, 1), np.float32)
        op.SGD([table], lr=1.0).step([op.SparseRows(np.array([2, 2, 2]), np.float32(values)[:, np.newaxis])])
        assert table.ravel().tolist() == [0.0, 0.0, -total]


@given(data=strategies.data())
@settings(max_examples=100, deadline=None)
def test_any_rows(data: strategies.DataObject) -> None:
    """Any rule, table, duplicates, dtypes, options and threads, beside a dense parameter."""
    draw = data.draw
    dtype = draw(strategies.sampled_from([np.dtype(np.float32), np.dtype(np.float64), BF16, np.dtype(np.float16)]))
    count, width = draw(strategies.integers(1, 300)), draw(strategies.sampled_from([1, 3, 64, 100, 600, 5000]))
    rng = np.random.default_rng(draw(strategies.integers(0, 2**32)))
    state = draw(strategies.sampled_from(["bfloat16", "float16", None])) if dtype != np.float64 else None
    maybe = lambda values: strategies.none() | strategies.sampled_from(values)  # noqa: E731
    optimizer = build(
        draw(strategies.sampled_from(LAZY)),
        [spread(rng, shape, np.float32).astype(dtype) for shape in ((count, width), (40,))],
        weight_decay=0.0,
        state_dtype=state,
        rounding=draw(strategies.sampled_from(["nearest", "stochastic", "kahan"]))
        if dtype.itemsize == 2
        else "nearest",
        clip_norm=draw(maybe([0.1, 100.0])),
        clip_value=draw(maybe([0.1])),
        skip_nonfinite=draw(strategies.booleans()),
        mirror=draw(maybe(["float32", "float16"])),
        zero_grad=draw(strategies.booleans()),
    )
    twin = Twin(optimizer)
    for _ in range(3):
        named = rng.integers(0, count, draw(strategies.integers(0, 200)))
        values = spread(rng, (named.size, width), np.float32)
        if named.size and draw(strategies.integers(0, 5)) == 0:
            values[-1, -1] = np.inf
        values = values.astype(draw(strategies.sampled_from([dtype, np.dtype(np.float32)])))
        gradients = [op.SparseRows(named.astype(draw(strategies.sampled_from(["i4", "i8"]))), values),
                     spread(rng, 40, np.float32).astype(dtype)]  # fmt: skip
        op.set_threading_layer(draw(strategies.sampled_from(LAYERS)))
        op.set_num_threads(draw(strategies.integers(1, 4)))
        with op.use_isa(draw(strategies.sampled_from(ISAS))):
            record = optimizer.step([gradients[0], gradients[1].copy()], grad_scale=2.0)
        assert repr(record) == repr(twin.step([gradients[0], gradients[1].copy()], grad_scale=2.0))
        assert_same_bits(arrays_of(optimizer), twin.arrays())


def test_rows_that_fill_blocks_take_float8_state() -> None:
    optimizer = table_optimizer("adam", (40, 512), np.float32, state_dtype="float8")
    twin = Twin(optimizer)
    for _ in range(3):
        gradient = rows([3, 39, 3], 512, np.float32)
        optimizer.step([gradient])
        twin.step([gradient])
        assert_same_bits(arrays_of(optimizer), twin.arrays())
    with pytest.raises(ValueError, match="do not fill the blocks of float8 state"):
        table_optimizer("adam", (100, 64), np.float32, state_dtype="float8").step([rows([3], 64, np.float32)])


@pytest.mark.parametrize(("layer", "threads"), TEAMS)
def test_a_large_table_on_threads(layer: str, threads: int, rng: np.random.Generator) -> None:
    optimizer = table_optimizer("adagrad", (5000, 33), np.float32)
    twin = Twin(optimizer)
    op.set_threading_layer(layer)
    op.set_num_threads(threads)
    for _ in range(2):
        gradient = op.SparseRows(rng.integers(0, 5000, 3000), spread(rng, (3000, 33), np.float32))
        optimizer.step([gradient])
        twin.step([gradient])
    assert_same_bits(arrays_of(optimizer), twin.arrays())


def test_tables_of_one_and_of_three_dimensions() -> None:
    bias, cube = np.zeros(4), np.zeros((4, 2, 2))
    optimizer = op.SGD([bias, cube], lr=1.0)
    optimizer.step([op.SparseRows(np.array([2]), np.ones(1)), op.SparseRows(np.array([3]), np.ones((1, 2, 2)))])
    assert bias.tolist() == [0, 0, -1, 0]
    assert (cube[3] == -1).all()
    assert not cube[:3].any()


BAD: dict[str, tuple[Any, type[Exception], str]] = {
    "too large": (op.SparseRows(np.array([1, 7]), np.ones((2, 3))), ValueError, "indices[1] = 7, its parameter has 7"),
    "negative index": (op.SparseRows(np.array([-1, 0]), np.ones((2, 3))), ValueError, "indices[0] = -1"),
    "index dtype": (op.SparseRows(np.array([1.0]), np.ones((1, 3))), TypeError, "indices of dtype float64; pass int64"),
    "index count": (op.SparseRows(np.array([1, 2]), np.ones((1, 3))), ValueError, "indices of shape (2,) for values"),
    "index shape": (op.SparseRows(np.array([[1]]), np.ones((1, 3))), ValueError, "indices of shape (1, 1)"),
    "strides": (op.SparseRows(np.arange(4)[::2], np.ones((2, 3))), ValueError, "indices that are not contiguous"),
    "index list": (op.SparseRows([1], np.ones((1, 3))), TypeError, "must be a plain numpy.ndarray"),  # type: ignore
    "value shape": (op.SparseRows(np.array([1]), np.ones((1, 4))), ValueError, "has values of shape (1, 4)"),
    "value dimensions": (op.SparseRows(np.array([1]), np.ones(3)), ValueError, "has values of shape (3,)"),
    "value dtype": (op.SparseRows(np.array([1]), np.ones((1, 3), np.float16)), TypeError, "has dtype float16"),
    "value stride": (op.SparseRows(np.array([1, 2]), np.ones((2, 6))[:, ::2]), ValueError, "contiguous in C order"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_rows_change_nothing(name: str) -> None:
    gradient, error, text = BAD[name]
    rng = np.random.default_rng(6)
    optimizer = op.Adam([np.ones(2), spread(rng, (7, 3), np.float64)])
    before = Snapshot(optimizer)
    with pytest.raises(error, match=rf"^step: gradient 1 .*{re.escape(text)}"):
        optimizer.step([np.ones(2), gradient])
    before.assert_unchanged()


@pytest.mark.parametrize(
    ("rule", "options", "text"),
    [
        ("momentum", {}, "which rule 'momentum' does not take"),
        ("amsgrad", {}, "which rule 'amsgrad' does not take"),
        ("adam", {"weight_decay": 0.1}, "which need weight_decay=0"),
        ("adam", {"accumulate": 2}, "which cannot be accumulated"),
        ("adam", {"ema": True}, "pass ema=False"),
    ],
    ids=str,
)
def test_what_sparse_rows_do_not_go_with(rule: str, options: dict[str, Any], text: str) -> None:
    optimizer = table_optimizer(rule, **options)
    before = Snapshot(optimizer)
    with pytest.raises(ValueError, match=f"^step: gradient 0 is SparseRows, .*{text}"):
        optimizer.step([rows([1, 2])])
    before.assert_unchanged()


def test_values_must_not_lie_in_what_is_written() -> None:
    table = np.ones((7, 3))
    with pytest.raises(ValueError, match="gradient 0 shares memory with parameter 0"):
        op.SGD([table]).step([op.SparseRows(np.array([0]), table[2:3])])


def test_a_table_in_fortran_order_is_refused() -> None:
    with pytest.raises(ValueError, match="contiguous in C order"):
        op.SGD([np.ones((7, 3), order="F")]).step([rows([1])])


def test_no_rows_at_all() -> None:
    optimizer = table_optimizer("adam")
    before = optimizer.params[0].copy()
    optimizer.step([rows([])])
    assert_same_bits(optimizer.params, [before])
    assert int(optimizer.state[0]["step"]) == 1
