"""Is the norm right and its order of addition the one that is written down? Are infinities found, elements clipped?"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from cases import DTYPES, spread

from onepass.arrays import Array
from onepass.reference.kernels.sums import LANES, TILE
from onepass.reference.step.gradients import are_finite, clip_coefficient, clipped, sum_of_squares

#: Its square is 2^54: in double the next number is 4 more, so that 1 adds nothing, nor does 2, rounded to even.
BIG = float(2**27)


def with_ones(size: int, ones: list[int], big: int = 0) -> Array:
    values = np.zeros(size, np.float32)
    values[big] = BIG
    values[ones] = 1
    return values


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 4095, 4096, 4097, 100_003])
def test_the_sum_is_right(size: int, dtype: Any, rng: np.random.Generator) -> None:
    values = spread(rng, size, dtype)
    exact = math.fsum(float(value) ** 2 for value in values)
    assert sum_of_squares([values]) == pytest.approx(exact, rel=1e-12, abs=0)
    third = size // 3
    assert sum_of_squares([values[:third], values[third:]]) == pytest.approx(exact, rel=1e-12, abs=0)


@pytest.mark.parametrize(
    ("values", "added"),
    [
        (with_ones(80, [16, 32, 48, 64]), 0),  # one after the other in one lane
        (with_ones(80, [1, 17, 33, 49]), 4),  # in a lane of their own
        (with_ones(64, [0, 16, 32, 48], big=63), 4),
        (with_ones(16, [8, 4, 12, 2, 10, 1]), 0),  # the halves that meet are 8, 4, 2 and 1 lanes apart
        (with_ones(16, [2, 6, 10, 14]), 4),
        (with_ones(16, [1, 3, 5, 7]), 4),
        (with_ones(16, [7, 8, 11, 13, 14]), 4),  # 7, 11 and 13 make 3
        (with_ones(5 * TILE, [TILE, 2 * TILE, 3 * TILE, 4 * TILE]), 0),  # tile after tile
        (with_ones(5 * TILE, [0, TILE, 2 * TILE, 3 * TILE], big=4 * TILE), 4),
        (with_ones(2 * TILE, [TILE, TILE + 1, TILE + 2, TILE + 3]), 4),
    ],
)
def test_the_order_of_addition(values: Array, added: int) -> None:
    assert sum_of_squares([values]) == BIG**2 + added


def test_all_gradients_add_to_one_sum() -> None:
    big, one = np.float32([BIG]), np.float32([1])
    assert sum_of_squares([big, one, one, one]) == BIG**2
    assert sum_of_squares([one, one, one, big]) == BIG**2 + 4
    assert sum_of_squares([]) == 0


def test_the_order_is_that_of_plain_loops(rng: np.random.Generator) -> None:
    gradients = [spread(rng, size, np.float64) for size in (TILE + 37, 5, 3 * TILE)]
    total = 0.0
    for gradient in gradients:
        for start in range(0, gradient.size, TILE):
            lanes = [0.0] * LANES
            for index, value in enumerate(gradient[start : start + TILE].tolist()):
                lanes[index % LANES] += value * value
            for half in (8, 4, 2, 1):
                for lane in range(half):
                    lanes[lane] += lanes[lane + half]
            total += lanes[0]
    assert sum_of_squares(gradients) == total


@pytest.mark.parametrize("special", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("where", [0, 100, -1])
def test_infinities_and_nans_are_found(where: int, special: float) -> None:
    values = np.full(5000, 3e38, np.float32)
    assert are_finite([values, values])
    values[where] = special
    assert not are_finite([np.ones(3), values])
    assert are_finite([])
    assert not math.isfinite(sum_of_squares([values]))


def test_elements_are_clipped() -> None:
    values = np.float32([-3, -0.5, -0.0, 0.5, 3, np.inf, -np.inf, np.nan])
    assert repr(clipped(values, 1.0).tolist()) == "[-1.0, -0.5, -0.0, 0.5, 1.0, 1.0, -1.0, nan]"
    np.testing.assert_array_equal(clipped(values, np.inf), values)
    assert clipped(np.float32([1]), 0.1).tolist() == [np.float32(0.1)]


def test_clip_coefficients() -> None:
    assert clip_coefficient(5.0, 10.0) == 1
    assert clip_coefficient(5.0, 2.5) == 2.5 / (5.0 + 1e-6)
    assert clip_coefficient(0.0, 1e-300) == 1e-300 / 1e-6
    assert clip_coefficient(math.inf, 1.0) == 0
    assert math.isnan(clip_coefficient(math.nan, 1.0))
    assert clip_coefficient(math.nan, math.inf) == clip_coefficient(math.inf, math.inf) == 1
