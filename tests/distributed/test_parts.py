"""Is a step in parts the step at once, with gradients that are there for one part alone? And what if it breaks off?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import onepass as op
from onepass import _core
from onepass.distributed.layout import TILE
from onepass.distributed.tree import tree_sum
from onepass.optimizer.whole import Part, Whole

SIZES = (2 * TILE + 5, 3)
#: Where the parts end, in blocks of 256 elements: within the first parameter, and behind both.
ENDS = (16, 34)


def arrays(seed: int) -> list[NDArray[np.float32]]:
    return [np.random.default_rng([seed, size]).standard_normal(size).astype(np.float32) for size in SIZES]


def built(in_parts: Any = None, **options: Any) -> op.AdamW:
    whole = Whole([Part(0, size) for size in SIZES], lambda squares, finite: (squares, finite), in_parts)
    return op.AdamW(arrays(0), lr=0.1, _whole=whole, **options)


def stepped(opt: op.AdamW, gradients: Any) -> list[bytes]:
    opt.step(gradients, grad_scale=2.0)  # an option, so that it asks for parts
    return [array.tobytes() for array in (*opt.params, *(one for state in opt.state for one in state.values()))]


def in_parts(theirs: list[NDArray[np.float32]], before: Callable[[int], None]) -> Any:
    """In one room, where what belongs to the other part is no number."""
    room = np.full(TILE + 8, np.nan, np.float32)

    def comes(number: int) -> None:
        before(number)
        room.fill(np.nan)
        if number == 0:
            room[:TILE] = theirs[0][:TILE]
        else:
            room[: TILE + 5], room[TILE + 5 :] = theirs[0][TILE:], theirs[1]

    first = [(0, 1, 0, room[:TILE])]
    second = [(0, 1, TILE, room[: TILE + 5]), (1, 1, 0, room[TILE + 5 :])]
    return [(ENDS[0], first), (ENDS[1], second)], comes


@pytest.mark.parametrize("options", [{}, {"threads": 2}, {"ema": True, "clip_value": 0.1}, {"accumulate": 2}])
def test_each_part_has_its_own_gradient(options: dict[str, Any]) -> None:
    own, theirs = arrays(1), arrays(2)
    numbers: list[int] = []
    opt = built(in_parts(theirs, numbers.append), **options)
    assert stepped(opt, [[one, one] for one in own]) == stepped(
        built(**options), [list(both) for both in zip(own, theirs, strict=True)]
    )
    assert numbers == [0, 1]


def test_a_step_that_is_skipped_needs_no_part() -> None:
    opt = built((([]), pytest.fail))
    assert opt.step([[one, one] for one in arrays(1)], found_inf=True).skipped


def test_what_breaks_off_is_not_counted() -> None:
    def before(number: int) -> None:
        if number:
            raise ConnectionError("the network")

    opt = built(in_parts(arrays(2), before))
    with pytest.raises(ConnectionError):
        stepped(opt, [[one, one] for one in arrays(1)])
    assert [int(state["step"]) for state in opt.state] == [0, 0]
    assert opt.params[0][:TILE].tobytes() != arrays(0)[0][:TILE].tobytes()
    assert opt.params[1].tobytes() == arrays(0)[1].tobytes()


NOTHING = np.zeros(3, np.float32)
BAD: dict[str, tuple[list[Any], str]] = {
    "too short": ([(ENDS[0], [])], "parts must be all of the step"),
    "too long": ([(35, [])], "parts must follow each other"),
    "back": ([(20, []), (10, []), (ENDS[1], [])], "parts must follow each other"),
    "no such addend": ([(ENDS[1], [(1, 2, 0, NOTHING)])], "an array does not fit a part of gradient 1"),
    "too far": ([(ENDS[1], [(1, 1, 1, NOTHING)])], "an array does not fit a part of gradient 1"),
    "another dtype": ([(ENDS[1], [(1, 1, 0, np.zeros(3, np.float16))])], "an array does not fit a part of gradient 1"),
}


@pytest.mark.parametrize("bad", BAD)
def test_parts_that_do_not_fit(bad: str) -> None:
    parts, message = BAD[bad]
    with pytest.raises(ValueError, match=message):
        stepped(built((parts, lambda number: None)), [[one, one] for one in arrays(1)])


@pytest.mark.parametrize("count", [1, 2, 3, 64, 65, 130])
def test_a_sum_is_one_tree(count: int) -> None:
    def by_definition(some: list[NDArray[np.float32]]) -> NDArray[np.float32]:
        if len(some) == 1:
            return some[0]
        left = 1 << (len(some) - 1).bit_length() - 1
        return by_definition(some[:left]) + by_definition(some[left:])

    addends = [arrays(seed)[0] for seed in range(count)]
    total = np.empty(SIZES[0], np.float32)
    assert tree_sum(addends, total, 2) is total
    assert total.tobytes() == by_definition(addends).tobytes()
    for place in range(min(2, count)):
        also = addends[place].copy()
        tree_sum([*addends[:place], also, *addends[place + 1 :]], also, 2)
        assert also.tobytes() == total.tobytes()


def test_a_sum_of_what_does_not_fit() -> None:
    room = np.empty(3, np.float32)
    with pytest.raises(ValueError, match="1 to 64 arrays"):
        _core.sum_tree([], room)
    with pytest.raises(ValueError, match="shape"):
        _core.sum_tree([np.zeros(4, np.float32)], room)
    with pytest.raises(TypeError, match="dtype"):
        _core.sum_tree([np.zeros(3, np.float64)], room)
