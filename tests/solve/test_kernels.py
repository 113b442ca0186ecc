"""Do the operations on long vectors have the bits of their references, on every level, by every team?"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from cases import EVERYWHERE, run_python

from onepass.arrays import Array
from onepass.reference.kernels import lbfgs as lbfgs_reference
from onepass.reference.kernels import lbfgs_bounds as lbfgs_bounds_reference
from onepass.reference.kernels import vectors as reference
from onepass.selftest.places import running
from onepass.solve import kernels

SIZES = [1, 2, 15, 16, 17, 100, 4095, 4096, 4097, 100_003]
dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def assert_same_bits(call: Callable[..., object], wanted: Callable[..., object], *arguments: object) -> None:
    """Of what the calls return and of what they leave in their arguments."""

    def outcome(function: Callable[..., object]) -> list[Array]:
        own = [argument.copy() if isinstance(argument, np.ndarray) else argument for argument in arguments]
        result = function(*own)
        return [np.asarray(one) for one in own if isinstance(one, np.ndarray)] + [np.asarray(result)]

    expected = outcome(wanted)
    for place in EVERYWHERE:
        with running(*place):
            found = outcome(call)
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_array_equal(one, other, strict=True)


@pytest.fixture
def draw(rng: np.random.Generator, dtype: type) -> Callable[..., Array]:
    return lambda *shape: (rng.standard_normal(shape) * 10 ** rng.uniform(-3, 3, shape)).astype(dtype)


@dtypes
@pytest.mark.parametrize("size", SIZES)
def test_dots(size: int, draw: Callable[..., Array]) -> None:
    rows = [draw(size) for _ in range(5)]
    assert_same_bits(lambda x: kernels.dots(rows, x), lambda x: reference.dots(rows, x), draw(size))


@dtypes
@pytest.mark.parametrize("size", SIZES)
def test_combine(size: int, draw: Callable[..., Array]) -> None:
    rows, weights = [draw(size) for _ in range(4)], [0.1, -3.0, 1e-3, 7.0]
    for given in (rows, rows[:1], []):
        some = weights[: len(given)]
        assert_same_bits(
            lambda out, x, some=some, given=given: kernels.combine(out, -0.3, x, some, given),
            lambda out, x, some=some, given=given: reference.combine(out, -0.3, x, some, given),
            draw(size),
            draw(size),
        )
    assert_same_bits(
        lambda x: kernels.combine(x, -0.3, x, weights, rows),
        lambda x: reference.combine(x, -0.3, x, weights, rows),
        draw(size),
    )


@dtypes
@pytest.mark.parametrize("size", SIZES)
def test_blend(size: int, draw: Callable[..., Array]) -> None:
    y, x, z = draw(size), draw(size), draw(size)
    assert_same_bits(
        lambda y, x, z: kernels.blend(y, 0.3, -2.1, x, z), lambda y, x, z: reference.blend(y, 0.3, -2.1, x, z), y, x, z
    )
    for which in (0, 1):  # z may be y or x
        assert_same_bits(
            lambda *both, which=which: kernels.blend(both[0], 0.3, -2.1, both[1], both[which]),
            lambda *both, which=which: reference.blend(both[0], 0.3, -2.1, both[1], both[which]),
            y,
            x,
        )


@dtypes
@pytest.mark.parametrize("size", [1, 2, 15, 16, 17, 33, 300])
def test_rank_two(size: int, draw: Callable[..., Array]) -> None:
    root = draw(size, size)
    h = (root + root.T).astype(root.dtype)
    updated = h.copy()
    u, v, g = draw(size), draw(size), draw(size)
    assert_same_bits(kernels.rank_two, reference.rank_two, h, u, v, g, draw(size))
    kernels.rank_two(updated, u, v, g, np.empty_like(g))
    np.testing.assert_array_equal(updated, updated.T)


def middle(rng: np.random.Generator, count: int, room: int, newest: int) -> Array:
    """The matrices of so many pairs, ready for the newest one to be entered."""
    numbers = rng.standard_normal((2 * room + 3, room))
    numbers[newest] = 0
    numbers[newest, newest] = 0.7
    numbers[:count, newest] = np.where(np.arange(count) == newest, 0.7, np.nan)  # the inverse's column is yet to come
    changes = numbers[room : room + count, :count]
    changes[...] = changes + changes.T
    return numbers


@dtypes
@pytest.mark.parametrize("size", [1, 17, 4097, 100_003])
@pytest.mark.parametrize(("count", "room", "newest"), [(1, 1, 0), (3, 5, 2), (5, 5, 1)])
def test_lbfgs_direction(
    size: int, count: int, room: int, newest: int, draw: Callable[..., Array], rng: np.random.Generator
) -> None:
    numbers = middle(rng, count, room, newest)
    ds, ys = ([draw(size) for _ in range(count)] for _ in range(2))
    for entered in (newest, -1):
        assert_same_bits(
            lambda out, g, numbers, slot=entered: kernels.lbfgs_direction(out, g, ds, ys, numbers, 0.3, slot),
            lambda out, g, numbers, slot=entered: lbfgs_reference.direction(out, g, ds, ys, numbers, 0.3, slot),
            draw(size),
            draw(size),
            np.nan_to_num(numbers) if entered < 0 else numbers,
        )


@dtypes
@pytest.mark.parametrize("size", [1, 2, 17, 300, 4097])
@pytest.mark.parametrize("count", [0, 1, 4])
@pytest.mark.parametrize("wide", [0.0, 0.1, 10.0, 1e4, np.inf])
def test_lbfgs_bounded_step(size: int, count: int, wide: float, dtype: type, rng: np.random.Generator) -> None:
    curvature = rng.uniform(0.1, 9, size)
    ss = [rng.standard_normal(size).astype(dtype) for _ in range(count)]
    ys = [(curvature * s).astype(dtype) for s in ss]
    products = np.array([reference.dots([*ys, *ss], one) for one in (*ys, *ss)]).reshape(2 * count, 2 * count)
    x, g = rng.standard_normal((2, size)).astype(dtype)
    g[::7] = 0
    lower, upper = x - wide * rng.random(size).astype(dtype), x + wide * rng.random(size).astype(dtype)
    lower[::5], upper[1::5], lower[2::9] = -np.inf, np.inf, x[2::9]
    pairs = (ys, ss, products, 0.3)
    assert_same_bits(
        lambda out, d, *box: kernels.lbfgs_bounded_step(out, d, *box, *pairs),
        lambda out, d, *box: lbfgs_bounds_reference.bounded_step(out, d, *box, *pairs),
        np.zeros(size, dtype),
        np.zeros(size, dtype),
        *(one.astype(dtype) for one in (x, g, lower, upper)),
    )


@dtypes
@pytest.mark.parametrize("size", [1, 17, 4097, 100_003])
@pytest.mark.parametrize("room", [1, 3])
def test_lbfgs_enter_pair(size: int, room: int, dtype: type, rng: np.random.Generator) -> None:
    """Until there is no room any more, and on; every third pair is of no use."""
    ours, formulas = (np.zeros((2 * room, 2 * room)) for _ in range(2))
    ys: list[Array] = []
    ss: list[Array] = []
    for turn in range(6):
        x, start, start_g = rng.standard_normal((3, size)).astype(dtype)
        g = start_g + (x - start) * dtype(-1 if turn % 3 == 2 else 1 + turn)
        pairs = [(np.empty(size, dtype), np.empty(size, dtype)) for _ in range(2)]
        points = (x, start, g, start_g, ys, ss)
        theta = kernels.lbfgs_enter_pair(*pairs[0], *points, ours, 1e-9)
        assert theta == lbfgs_bounds_reference.enter_pair(*pairs[1], *points, formulas, 1e-9)
        assert (theta is None) == (turn % 3 == 2)
        s, y = pairs[0]
        np.testing.assert_array_equal(pairs[0], pairs[1])
        np.testing.assert_array_equal((s, y), (x - start, g - start_g))
        if theta is not None:
            ys, ss = [*ys, y][-room:], [*ss, s][-room:]
        count = len(ys)
        kept, other = (
            numbers.reshape(2, room, 2, room)[:, :count, :, :count].reshape(2 * count, -1)
            for numbers in (ours, formulas)
        )
        np.testing.assert_array_equal(kept, other)
        np.testing.assert_array_equal(kept, [reference.dots([*ys, *ss], row) for row in (*ys, *ss)])


def test_lbfgs_bounded_step_has_room_for_more_pairs(rng: np.random.Generator) -> None:
    """The products of pairs that are yet to come are not looked at."""
    s, x, g = rng.standard_normal((3, 5))
    tight, roomy = np.empty((2, 2)), np.full((8, 8), np.nan)
    y, box = 2 * s, (np.full(5, -0.1) + x, np.full(5, 0.2) + x)
    found = []
    for products in (tight, roomy):
        kernels.lbfgs_enter_pair(np.empty(5), np.empty(5), s, 0 * s, y, 0 * s, [], [], products, 0.0)
        out, d = np.empty(5), np.empty(5)
        for step in (kernels.lbfgs_bounded_step, lbfgs_bounds_reference.bounded_step):
            found.append([*step(out, d, x, g, *box, [y], [s], products, 2.0), *out, *d])
    assert found[0] == found[1] == found[2] == found[3]


def test_lbfgs_bounded_step_tells_that_a_matrix_is_singular() -> None:
    one = np.ones(3)
    assert kernels.lbfgs_bounded_step(one, one, one, one, one, one, [one], [one], np.zeros((2, 2)), 1.0) is None


def test_what_is_not_finite_stays_so() -> None:
    x = np.ones(20)
    x[3] = np.inf
    assert kernels.dots([x, -x], np.ones(20)).tolist() == [np.inf, -np.inf]
    assert np.isnan(kernels.blend(x, 1.0, -1.0, x.copy(), np.ones(20)))


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="there threads are counted in another way")
def test_short_vectors_wake_no_thread() -> None:
    """However many there are; long ones do."""
    count = "len(os.listdir('/proc/self/task'))"
    code = f"""
import os, numpy as np, onepass as op
from onepass.solve import kernels
op.set_num_threads(2); op.set_threading_layer("pool")
before, found = {count}, []
for size in (4000, 400_000):
    rows = [np.ones(size)] * 40
    kernels.dots(rows, rows[0])
    kernels.combine(np.ones(size), 1.0, rows[0], [1.0] * 40, rows)
    found.append({count} - before)
print(*found)
"""
    child = run_python(code, OPENBLAS_NUM_THREADS="1")
    assert child.stdout.split() == ["0", "1"], child.stderr


def test_empty_vectors() -> None:
    nothing = np.empty(0)
    assert kernels.dots([nothing], nothing).tolist() == [0]
    assert kernels.dots([], np.ones(3)).shape == (0,)
    assert kernels.blend(nothing, 1.0, 1.0, nothing, nothing) == 0


def bounded(ss: list[Array], products: Array) -> object:
    one = np.ones(3)
    return kernels.lbfgs_bounded_step(one, one, one, one, one, one, [one], ss, products, 1.0)


def direction(ds: list[Array], ys: list[Array], numbers: Array, newest: int = -1) -> float:
    return kernels.lbfgs_direction(np.ones(3), np.ones(3), ds, ys, numbers, 1.0, newest)


BOUNDED = "lbfgs_bounded_step: "


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: kernels.dots([np.ones(3)], np.ones(4)), ValueError, "dots: a row has 3 elements, 4 are needed"),
        (
            lambda: kernels.dots([np.ones(4, "f")], np.ones(4)),
            TypeError,
            "dots: a row must have the dtype of the others",
        ),
        (lambda: kernels.dots([], np.ones(4, int)), TypeError, "dots: x has dtype int64"),
        (lambda: kernels.dots([], np.ones(4, np.float16)), TypeError, "dots: x must have dtype float32 or float64"),
        (lambda: kernels.dots([], np.ones(8)[::2]), ValueError, "dots: x is not contiguous"),
        (lambda: kernels.combine(np.ones(3), 1, np.ones(3), [1.0], []), ValueError, "combine: there must be a weight"),
        (
            lambda: kernels.rank_two(np.ones(8), *[np.ones(3)] * 4),
            ValueError,
            "rank_two: h has 8 elements, 9 are needed",
        ),
        (
            lambda: direction([np.ones(3)], [], np.ones((5, 1))),
            ValueError,
            "lbfgs_direction: there must be a y for each d",
        ),
        (lambda: direction([np.ones(4)], [], np.ones((5, 1))), ValueError, "lbfgs_direction: a d has 4 elements"),
        (
            lambda: direction([np.ones(3)] * 2, [np.ones(3)] * 2, np.ones((5, 1))),
            ValueError,
            "lbfgs_direction: middle has no room for 2 pairs",
        ),
        (lambda: direction([], [], np.ones((6, 1))), ValueError, "lbfgs_direction: middle has no room"),
        (lambda: direction([], [], np.ones(5)), ValueError, "lbfgs_direction: middle has no room"),
        (
            lambda: direction([], [], np.ones((5, 1), "f")),
            TypeError,
            "lbfgs_direction: middle must have dtype float64",
        ),
        (
            lambda: direction([], [], np.ones((5, 1)), 0),
            ValueError,
            "lbfgs_direction: newest must be a slot or -1, got 0",
        ),
        (lambda: bounded([], np.ones((2, 2))), ValueError, f"{BOUNDED}there must be an s for each y"),
        (
            lambda: bounded([np.ones(3)], np.ones(3)),
            ValueError,
            f"{BOUNDED}there must be a product of each two rows",
        ),
        (
            lambda: bounded([np.ones(3)], np.ones((2, 2), "f")),
            TypeError,
            f"{BOUNDED}products must have dtype float64",
        ),
        (
            lambda: bounded([np.ones(2)], np.ones((2, 2))),
            ValueError,
            f"{BOUNDED}an s has 2 elements, 3 are needed",
        ),
        (lambda: direction([], [], np.ones((5, 1)), -2), ValueError, "lbfgs_direction: newest must be a slot"),
        (
            lambda: kernels.lbfgs_enter_pair(*[np.ones(3)] * 6, [], [], np.ones((0, 0)), 0.0),
            ValueError,
            "lbfgs_enter_pair: products has no room for a pair",
        ),
    ],
)
def test_bad_arguments(call: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value).startswith(message)


def test_what_is_written_must_be_writeable() -> None:
    y = np.ones(3)
    y.flags.writeable = False
    with pytest.raises(ValueError, match="blend: y is read-only"):
        kernels.blend(y, 1.0, 1.0, np.ones(3), np.ones(3))
