"""Is every element owned by one rank and in one bucket, tiles in one piece, and the shares about the same?"""

from __future__ import annotations

from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import onepass as op
from onepass.distributed import buckets
from onepass.distributed.layout import TILE, laid_out
from onepass.distributed.message import ALONE_FROM, Form, room_for
from onepass.optimizer.whole import Part, Whole

SIZES = st.lists(st.one_of(st.integers(0, 10), st.integers(0, 10 * TILE)), min_size=1, max_size=6)


@given(SIZES, st.data(), st.integers(1, 9))
@settings(deadline=None)
def test_each_element_has_one_owner_and_each_tile_too(sizes: list[int], data: st.DataObject, ranks: int) -> None:
    whole = data.draw(st.lists(st.booleans(), min_size=len(sizes), max_size=len(sizes)))
    layout = laid_out(sizes, whole, ranks)
    for tensor, size in enumerate(sizes):
        parts = [layout.parts[rank][tensor] for rank in range(ranks)]
        owned = [part for part in parts if part[0] < part[1]]
        assert [begin for begin, _ in owned] + [size] == [0] * bool(owned) + [end for _, end in owned] or not size
        assert all(0 <= begin <= end <= size for begin, end in parts)
        assert all(begin % TILE == 0 or begin == size for begin, _ in parts)
        assert not whole[tensor] or len(owned) <= 1
    cut = sum(size for size, is_whole in zip(sizes, whole, strict=True) if not is_whole)
    for rank in range(ranks):
        own = sum(end - begin for (begin, end), is_whole in zip(layout.parts[rank], whole, strict=True) if not is_whole)
        assert abs(own - cut / ranks) <= TILE + 1


@given(SIZES, st.integers(1, 9))
@settings(deadline=None)
def test_tiles_come_back_in_the_order_of_one_process(sizes: list[int], ranks: int) -> None:
    layout = laid_out(sizes, [tensor % 2 == 0 for tensor in range(len(sizes))], ranks)
    laid = [
        (tensor, at)
        for parts in layout.parts
        for tensor, (begin, end) in enumerate(parts)
        for at in range(begin, end, TILE)
    ]
    assert [laid[place] for place in layout.tile_order] == sorted(laid)
    assert sorted(laid) == [(tensor, at) for tensor, size in enumerate(sizes) for at in range(0, size, TILE)]


@given(SIZES, SIZES, st.integers(1, 9))
@settings(deadline=None)
def test_what_comes_later_moves_nothing(sizes: list[int], more: list[int], ranks: int) -> None:
    before = laid_out(sizes, [False] * len(sizes), ranks)
    after = laid_out(
        sizes + more, [False] * len(sizes) + [tensor % 2 == 0 for tensor in range(len(more))], ranks, before
    )
    assert [parts[: len(sizes)] for parts in after.parts] == list(before.parts)
    for tensor, size in enumerate(sizes + more):
        assert sum(parts[tensor][1] - parts[tensor][0] for parts in after.parts) == size


def test_whole_tensors_that_come_later_go_to_whoever_has_least_of_all() -> None:
    assert laid_out([9, 4, 3], [True] * 3, 2, laid_out([9], [True], 2)).parts[1] == ((0, 0), (0, 4), (0, 3))


def test_whole_tensors_go_to_whoever_has_least() -> None:
    layout = laid_out([5, 9, 4, 3], [True] * 4, 2)
    assert [layout.owner(tensor) for tensor in range(4)] == [1, 0, 1, 0]


@pytest.mark.parametrize("first", [0, 2**32 - TILE])
@pytest.mark.parametrize(
    ("dtype", "options"),
    [
        ("float32", {"state_dtype": "float16"}),
        ("float32", {"state_dtype": "float8"}),
        ("float16", {"rounding": "stochastic"}),
    ],
)
def test_a_part_has_the_noise_of_its_place(first: int, dtype: str, options: dict[str, str]) -> None:
    """Two parts have the bits of one that holds both, also where the index passes 2**32; elsewhere it has others."""

    def stepped(begin: int, end: int, shift: int = 0) -> bytes:
        param = np.linspace(-1, 1, 2 * TILE).astype(dtype)[begin:end]
        part = Part(first + begin + shift, 2**33)
        opt = op.AdamW([param], lr=0.1, **options, _whole=Whole([part], lambda squares, finite: (squares, finite)))
        for step in range(3):
            opt.step([np.sin(np.arange(2 * TILE) + step).astype(dtype)[begin:end]])
        slot = opt.state[0]["exp_avg_sq"]
        return param.tobytes() + slot.tobytes()

    whole, low, high = stepped(0, 2 * TILE), stepped(0, TILE), stepped(TILE, 2 * TILE)
    half = TILE * np.dtype(dtype).itemsize
    assert low[:half] + high[:half] == whole[: 2 * half]
    assert low[half:] + high[half:] == whole[2 * half :]
    assert stepped(0, 2 * TILE, shift=2**20) != whole


@given(SIZES, st.integers(1, 5), st.integers(1, 4))
@settings(deadline=None)
def test_buckets_are_all_that_a_rank_owns_in_order(sizes: list[int], ranks: int, tiles: int) -> None:
    layout = laid_out(sizes, [tensor % 2 == 0 for tensor in range(len(sizes))], ranks)
    with patch.object(buckets, "ELEMENTS", tiles * TILE * ranks):
        cut = buckets.Buckets(layout)
    for rank, parts in enumerate(layout.parts):
        owned = [(tensor, at) for tensor, part in enumerate(parts) for at in range(*part)]
        stretches = [each[rank] for each in cut.stretches]
        assert [(tensor, at) for each in stretches for tensor, *part in each for at in range(*part)] == owned
        assert all(begin % TILE == 0 for each in stretches for _, begin, _ in each)
        assert all(sum(one.size for one in each) <= (tiles + 2) * TILE for each in stretches)
        blocks = sum(-(-(end - begin) // buckets.BLOCK) for begin, end in parts)
        assert cut.ends(rank)[-1] == blocks


@given(
    st.lists(
        st.tuples(st.sampled_from([np.int8, np.float32]), st.sampled_from([1, 7, ALONE_FROM - 1, ALONE_FROM])),
        max_size=6,
    )
)
@settings(deadline=None, max_examples=20)
def test_what_is_packed_comes_out(kinds: list[tuple[type[np.generic], int]]) -> None:
    arrays = [np.full(size, number + 1, dtype) for number, (dtype, size) in enumerate(kinds)]
    rooms = [np.zeros_like(array) for array in arrays]
    form = Form([(array.dtype, array.size, array.dtype) for array in arrays])
    assert sum(size >= ALONE_FROM for _, size in kinds) <= len(form.runs) <= len(arrays)
    assert all(len({arrays[at].dtype for at in run}) == 1 for run in form.runs)
    sent = form.packed(arrays, room_for([form]))
    received = form.received(rooms, room_for([form]))
    for to, buffer in zip(received, sent, strict=True):
        to[...] = buffer
    form.unpack(received, rooms)
    assert [room.tobytes() for room in rooms] == [array.tobytes() for array in arrays]
    views = form.arrays(sent)
    assert [view.tobytes() for view in views] == [array.tobytes() for array in arrays]
