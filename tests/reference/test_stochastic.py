"""Does rounding a sum at random keep its mean, however small the smaller number is?"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from onepass.formats import Floats, Words
from onepass.reference.kernels.stochastic import add_at_random, encode_sum, exact_sum

FLOAT16 = np.dtype(np.float16)


def dtypes() -> list[Any]:
    found = [FLOAT16]
    try:
        import ml_dtypes
    except ModuleNotFoundError:
        return found
    return [*found, np.dtype(ml_dtypes.bfloat16)]


def rounded(a: float, b: float, random: Words, dtype: np.dtype[Any]) -> Floats:
    ones = np.ones(random.size, np.float32)
    if dtype == np.float32:
        return add_at_random(ones * np.float32(a), ones * np.float32(b), random)
    stored = np.empty(random.size, dtype)
    encode_sum(ones * np.float32(a), ones * np.float32(b), stored, random)
    return stored.astype(np.float32)


def exact_mean(a: float, b: float, dtype: np.dtype[Any]) -> Fraction:
    """Over all random words: the result changes once as they grow, where bisection finds it."""
    first, last = rounded(a, b, np.uint32([0, 2**32 - 1]), dtype)
    low, high = 0, 2**32 - 1
    while high - low > 1:
        middle = (low + high) // 2
        (result,) = rounded(a, b, np.uint32([middle]), dtype)
        low, high = (middle, high) if result == first else (low, middle)
    share = Fraction(high, 2**32) if first != last else Fraction(0)
    return share * Fraction(float(first)) + (1 - share) * Fraction(float(last))


def place_at(x: float, dtype: np.dtype[Any]) -> float:
    kept, least = {"float16": (10, -24), "bfloat16": (7, -133), "float32": (23, -149)}[dtype.name]
    return 2.0 ** max(np.floor(np.log2(abs(x))) - kept, least)


@pytest.mark.parametrize("dtype", [*dtypes(), np.dtype(np.float32)], ids=lambda dtype: dtype.name)
def test_the_mean_is_the_sum(dtype: np.dtype[Any], rng: np.random.Generator) -> None:
    """In places of the result to 2^-30, and of the change to a ten thousandth."""
    for a in (1.0, -1.0, 1.5, 0.7, 3e-5, 2.0**-14, -(2.0**-15), 2.0**-24 * 5, 1000.0):
        a = float(np.float32(a).astype(dtype))
        for b in (*(-2e-8 * a, 2e-8 * a, 0.3 * a, -0.9 * a, 1e-4, 0.0), *rng.normal(0, 1e-6, 5)):
            b = float(np.float32(b))
            error = exact_mean(a, b, dtype) - (Fraction(a) + Fraction(b))
            assert abs(error) <= place_at(a + b, dtype) * 2.0**-30 + 1e-4 * abs(b)


@pytest.mark.parametrize("dtype", dtypes(), ids=lambda dtype: dtype.name)
def test_what_is_not_finite(dtype: np.dtype[Any]) -> None:
    random = np.uint32([0, 1, 2**31, 2**32 - 1])
    for a, b, total in ((np.inf, 1.0, np.inf), (1.0, -np.inf, -np.inf), (3e38, 3e38, np.inf)):
        assert set(rounded(a, b, random, dtype)) == {total}
    for a, b in ((np.nan, 1.0), (np.inf, -np.inf)):
        assert np.isnan(rounded(a, b, random, dtype)).all()
    largest = 65504.0 if dtype == FLOAT16 else 2.0**127 * (2 - 2.0**-7)
    assert set(rounded(largest, largest * 2.0**-12, random, dtype)) == {np.float32(largest), np.inf}


def test_a_sum_and_its_rest_are_exact(rng: np.random.Generator) -> None:
    a = (rng.normal(size=1000) * 10.0 ** rng.integers(-20, 20, 1000)).astype(np.float32)
    b = (rng.normal(size=1000) * 10.0 ** rng.integers(-20, 20, 1000)).astype(np.float32)
    for x, y, total, rest in zip(a, b, *exact_sum(a, b), strict=True):
        assert Fraction(float(x)) + Fraction(float(y)) == Fraction(float(total)) + Fraction(float(rest))
