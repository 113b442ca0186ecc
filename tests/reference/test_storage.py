"""Are narrow numbers what they should be? Beside other implementations, within their bounds, at every special value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from onepass.arrays import Array
from onepass.formats import BLOCK, compute_dtype, decode, decode_slot, encode, encode_slot, flush_subnormals
from onepass.reference.kernels.noise import STATE, halves, noise

ml_dtypes = pytest.importorskip("ml_dtypes")

BFLOAT16, FLOAT16, FLOAT32 = (np.dtype(dtype) for dtype in (ml_dtypes.bfloat16, np.float16, np.float32))
NARROW = [BFLOAT16, FLOAT16]
SIGNED = pytest.mark.parametrize("signed", [True, False], ids=["signed", "unsigned"])

#: Every number of 16 random bits.
ALL = np.arange(2**16, dtype=np.uint32)


def float32(bits: Array) -> Array:
    return bits.astype(np.uint32).view(np.float32)


def every_kind_of_float32() -> Array:
    """Each upper half with lower halves around the ties, and each lower half with some upper ones."""
    lower = np.array([0, 1, 0xFFF, 0x1000, 0x1001, 0x3000, 0x7FFF, 0x8000, 0x8001, 0xFFFF])
    upper = np.array([0x0000, 0x3380, 0x387F, 0x3880, 0x3F80, 0x477F, 0x7F7F, 0x7F80, 0x7F81, 0xFF7F])
    return float32(np.concatenate([(ALL[:, None] << 16 | lower).reshape(-1), (upper[:, None] << 16 | ALL).reshape(-1)]))


def all_of(dtype: np.dtype[Any]) -> Array:
    return ALL.astype(np.uint16).view(dtype)


def numbers_of(dtype: np.dtype[Any]) -> Array:
    """Every number but infinity, in order, in double."""
    decoded = decode(all_of(dtype), FLOAT32)
    return np.unique(decoded[np.isfinite(decoded)].astype(np.float64))


def encoded(values: Array, dtype: np.dtype[Any], random: Array | None = None) -> Array:
    stored = np.empty(values.shape, dtype)
    encode(values, stored, random)
    return stored


def assert_same_numbers(one: Array, other: Array) -> None:
    """Equal bit for bit, but for the payload and sign of NaNs."""
    is_nan = np.isnan(decode(other, FLOAT32))
    np.testing.assert_array_equal(np.isnan(decode(one, FLOAT32)), is_nan)
    np.testing.assert_array_equal(one[~is_nan].view(np.uint16), other[~is_nan].view(np.uint16))


# Sixteen bits


def test_wide_numbers_are_themselves() -> None:
    for dtype in (np.float32, np.float64):
        values = np.array([0.1, -0.0, np.inf], dtype)
        assert compute_dtype(values.dtype) == dtype
        assert decode(values, values.dtype) is values
        assert encoded(values, values.dtype).tobytes() == values.tobytes()
    assert all(compute_dtype(dtype) == np.float32 for dtype in NARROW)
    assert encoded(np.array([0.1, 1e300]), FLOAT32).tolist() == [np.float32(0.1), np.inf]


def test_a_bfloat16_is_the_upper_half_of_a_float32() -> None:
    decoded = decode(all_of(BFLOAT16), FLOAT32)
    assert ((decoded.view(np.uint32) == ALL << 16) | np.isnan(decoded)).all()


@pytest.mark.parametrize("dtype", NARROW, ids=str)
def test_nearest_is_what_others_call_nearest(dtype: np.dtype[Any]) -> None:
    values = every_kind_of_float32()
    with np.errstate(all="ignore"):
        expected = values.astype(dtype)
    assert_same_numbers(encoded(values, dtype), expected)


@pytest.mark.parametrize("dtype", NARROW, ids=str)
def test_doubles_are_rounded_to_floats_first(dtype: np.dtype[Any]) -> None:
    tie = np.array([1 + 2.0**-8 + 2.0**-40, 1 + 2.0**-11 + 2.0**-40])
    assert encoded(tie, dtype).tolist() == tie.astype(np.float32).astype(dtype).tolist()


@pytest.mark.parametrize("random", [None, 0, 1, 2**15, 2**16 - 1])
@pytest.mark.parametrize("dtype", NARROW, ids=str)
def test_what_can_be_represented_stays_put(dtype: np.dtype[Any], random: int | None) -> None:
    stored = all_of(dtype)
    if dtype == FLOAT16 and random == 2**16 - 1:
        # The larger ones below 2^-14 are rounded by a sum in single precision, too coarse for the last random bits.
        stored = stored[~((np.abs(stored) >= 2.0**-16) & (np.abs(stored) < 2.0**-14))]
    bits = None if random is None else np.full(stored.shape, random, np.uint32)
    assert_same_numbers(encoded(decode(stored, FLOAT32), dtype, bits), stored)


@pytest.mark.parametrize("dtype", NARROW, ids=str)
def test_stochastic_rounding_goes_to_both_neighbours_and_keeps_the_mean(
    dtype: np.dtype[Any], rng: np.random.Generator
) -> None:
    grid = numbers_of(dtype)
    magnitudes = [*rng.uniform(1, 2, 10), *10 ** rng.uniform(-8, 4.8, 40), 1.0, 6e4, 2.0**-14, 2.0**-15 * 1.001]
    for magnitude in magnitudes:
        value = np.float32(magnitude * rng.choice([-1, 1]))
        below, above = grid[np.searchsorted(grid, value, "right") - 1], grid[np.searchsorted(grid, value)]
        rounded = decode(encoded(np.full(2**16, value), dtype, ALL), FLOAT32).astype(np.float64)
        assert set(rounded) == {below, above}
        # Subnormal numbers of half precision lose more bits than there are random ones.
        error = 2.0**-14 * 2.0**-24 if dtype == FLOAT16 and abs(value) < 2.0**-14 else 0
        assert abs(rounded.mean() - float(value)) <= error


@pytest.mark.parametrize("dtype", NARROW, ids=str)
def test_stochastic_rounding_of_special_values(dtype: np.dtype[Any]) -> None:
    largest = numbers_of(dtype)[-1]
    beyond = np.float32(min(largest * (1 + 2.0**-12), float(np.finfo(np.float32).max)))
    for random in (0, 1, 2**16 - 1):
        bits = np.full(7, random, np.uint32)
        values = np.array([np.inf, -np.inf, np.nan, 0.0, -0.0, beyond, float32(np.array(0xFFFFFFFF))], np.float32)
        rounded = decode(encoded(values, dtype, bits), FLOAT32)
        assert rounded[:2].tolist() == [np.inf, -np.inf]
        assert np.isnan(rounded[[2, 6]]).all()
        assert np.signbit(rounded[3:5]).tolist() == [False, True]
        assert rounded[5] == (largest if random < 2**15 else np.inf)
    assert np.isinf(encoded(np.float32([65536, 1e30, -3e38]), FLOAT16, ALL[:3]).astype(np.float32)).all()


@pytest.mark.parametrize("random", [None, 3])
@pytest.mark.parametrize("dtype", NARROW, ids=str)
@pytest.mark.parametrize("shape", [(), (0,), (3, 5), (0, 4)])
def test_every_shape_and_layout(shape: tuple[int, ...], dtype: np.dtype[Any], random: int | None) -> None:
    values = np.arange(np.prod(shape, dtype=int), dtype=np.float32).reshape(shape) + np.float32(1e-6)
    bits = None if random is None else np.full(shape or (1,), random, np.uint32)
    expected = encoded(values, dtype, bits)
    np.testing.assert_allclose(expected.astype(np.float32), values, rtol=2**-8, atol=2**-24)
    for stored in (np.empty(shape, dtype, order="F"), np.empty((*shape, 2), dtype)[..., 0]):
        encode(np.asfortranarray(values), stored, bits)
        np.testing.assert_array_equal(stored, expected)


def test_subnormal_numbers_are_flushed() -> None:
    for dtype, tiny in ((np.float32, 2.0**-126), (np.float64, 2.0**-1022), (BFLOAT16, 2.0**-126)):
        values = np.array([tiny, -tiny, tiny / 2, -tiny / 2, tiny / 128, 0.0, np.inf, np.nan], dtype)
        flush_subnormals(values)
        assert values[:7].tolist() == [tiny, -tiny, 0, 0, 0, 0, np.inf]
        assert values[7] != values[7]
        assert not np.signbit(values[2:6].astype(np.float32)).any()
    half, codes = np.array([2.0**-24, -(2.0**-20)], np.float16), np.arange(256, dtype=np.uint8)
    for stored in (half, codes):
        before = stored.copy()
        flush_subnormals(stored)
        np.testing.assert_array_equal(stored, before)


# Sixteen bits of a root


def roots(values: Array, random: Array | None = None) -> Array:
    stored = np.empty(values.shape, np.float16)
    encode_slot(values, stored, "second_moment", random=random)
    return stored


def test_only_second_moments_in_half_precision_are_roots() -> None:
    values = np.float32([0.25, 2, 9])
    for dtype in (*NARROW, FLOAT32):
        for kind in ("first_moment", "second_moment", "iterate"):
            stored = np.empty(3, dtype)
            encode_slot(values, stored, kind)
            is_root = dtype == FLOAT16 and kind == "second_moment"
            expected = np.sqrt(values) if is_root else values
            np.testing.assert_array_equal(stored, expected.astype(dtype))
            decoded = decode_slot(stored, kind, FLOAT32)
            assert decoded.dtype == np.float32
            np.testing.assert_array_equal(decoded, stored.astype(np.float32) ** (2 if is_root else 1))
            assert (decoded is stored) == (dtype == FLOAT32)


def test_a_root_is_the_nearest_one() -> None:
    """From the square of the smallest number, 2^-48, to that of the largest."""
    values = np.exp2(np.linspace(-48, 31.9, 100_001)).astype(np.float32)
    exact = np.sqrt(values.astype(np.float64))
    half_a_place = np.maximum(2.0**-25, np.exp2(np.floor(np.log2(exact)) - 11))
    stored = roots(values)
    assert (np.abs(stored - exact) <= half_a_place * (1 + 2.0**-12)).all()  # the root was rounded to float32 before
    np.testing.assert_array_equal(decode_slot(stored, "second_moment", FLOAT32), stored.astype(np.float32) ** 2)
    normal = exact >= 2.0**-14
    error = decode_slot(stored, "second_moment", FLOAT32)[normal] / values[normal].astype(np.float64) - 1
    assert np.abs(error).max() <= 2.0**-10 * (1 + 2.0**-9)


@pytest.mark.parametrize("random", [None, 0, 2**16 - 1])
def test_a_positive_root_never_becomes_zero(random: int | None) -> None:
    values = np.float32([0.0, 1e-45, 1e-38, 1e-30, 2.0**-50, 1e-12, 1.0, 1e9])
    stored = roots(values, None if random is None else np.full(values.size, random, np.uint32))
    assert stored[:5].tolist() == [0.0] + 4 * [2.0**-24]
    assert (stored[5:] > 0).all()
    assert np.isfinite(stored).all()


def test_random_bits_round_the_root_and_keep_its_mean() -> None:
    value = np.float32(1.001)
    stored = roots(np.full(2**16, value), ALL).astype(np.float64)
    assert set(stored) == {1.0, 1 + 2.0**-10}
    assert stored.mean() == pytest.approx(np.sqrt(value), rel=2.0**-23)


def test_special_values_of_roots() -> None:
    with np.errstate(invalid="ignore"):
        stored = roots(np.float32([np.inf, np.nan, -1, -0.0, 1e10]))
    np.testing.assert_array_equal(stored, [np.inf, np.nan, np.nan, 0, np.inf])
    np.testing.assert_array_equal(decode_slot(stored, "second_moment", FLOAT32), [np.inf, np.nan, np.nan, 0, np.inf])
    assert np.signbit(stored[3])


def test_a_0_dimensional_root() -> None:
    stored = roots(np.array(9, np.float32))
    decoded = decode_slot(stored, "second_moment", FLOAT32)
    assert (stored.item(), decoded.item()) == (3, 9)
    decoded[...] = 4  # rules write in place
    encode_slot(decoded, stored, "second_moment")
    assert stored.item() == 2


# Eight bits


def kind_of(signed: bool) -> str:
    return "first_moment" if signed else "second_moment"


def stored_blocks(values: Array, *, signed: bool, random: Array | None = None) -> tuple[Array, Array]:
    codes, scales = np.empty(values.size, np.uint8), np.empty(-(-values.size // BLOCK), np.float32)
    encode_slot(values, codes, kind_of(signed), scales, random)
    return codes, scales


def decode_blocks(codes: Array, scales: Array, *, signed: bool) -> Array:
    return decode_slot(codes, kind_of(signed), FLOAT32, scales)


def through_blocks(values: Array, *, signed: bool, random: Array | None = None) -> Array:
    return decode_blocks(*stored_blocks(values, signed=signed, random=random), signed=signed)


def numbers_of_codes(*, signed: bool) -> Array:
    """What the codes without a sign stand for beside a scale of 1, in double."""
    code = np.arange(128 if signed else 256)
    numbers = 2.0 ** (code // 8 - (15 if signed else 31)) * (1 + code % 8 / 8)
    if signed:
        numbers[0] = 0
    return numbers


@SIGNED
def test_what_each_code_stands_for(signed: bool) -> None:
    numbers = numbers_of_codes(signed=signed)
    codes = np.arange(256, dtype=np.uint8)
    expected = np.concatenate([numbers, -numbers]) if signed else numbers
    decoded = decode_blocks(codes, np.float32([4]), signed=signed)
    np.testing.assert_array_equal(decoded, 4 * expected)
    assert not np.signbit(decoded[:1]).any()


@SIGNED
def test_codes_stay_put_while_the_scale_does(signed: bool) -> None:
    largest = 119 if signed else 247  # below 1
    codes = np.arange(largest + 1, dtype=np.uint8)
    scales = np.float32([2**-20])
    values = decode_blocks(codes, scales, signed=signed)
    for random in (None, np.zeros(codes.size, np.uint32), np.full(codes.size, 2**20 - 1, np.uint32)):
        again = stored_blocks(values, signed=signed, random=random)
        np.testing.assert_array_equal(again[0], codes)
        np.testing.assert_array_equal(again[1], scales)


@SIGNED
def test_nearest_is_the_nearest_code(signed: bool, rng: np.random.Generator) -> None:
    values = (10 ** rng.uniform(-5 if signed else -10, 0, 40 * BLOCK)).astype(np.float32)
    if signed:
        values *= rng.choice([-1, 1], values.size).astype(np.float32)
    codes, scales = stored_blocks(values, signed=signed)
    largest = np.abs(values).reshape(-1, BLOCK).max(axis=1)
    assert ((scales / 2 <= largest) & (largest < scales)).all()
    assert (np.frexp(scales)[0] == 0.5).all()

    scale = np.repeat(scales, BLOCK)
    scaled = np.abs(values / scale).astype(np.float64)
    decoded = np.abs(decode_blocks(codes, scales, signed=signed) / scale)
    smallest = 2.0**-15 if signed else 2.0**-31
    near_zero = scaled <= smallest * 17 / 16
    assert near_zero.any()
    assert (decoded[near_zero] == (0 if signed else smallest)).all()
    grid = numbers_of_codes(signed=signed)[1:]
    nearest = np.abs(scaled[~near_zero, None] - grid).min(axis=1)
    np.testing.assert_array_equal(np.abs(decoded - scaled)[~near_zero], nearest)
    # The worst is the middle of 1 and 1 + 1/8.
    assert (nearest <= scaled[~near_zero] / 17).all()
    if signed:
        assert (np.sign(decode_blocks(codes, scales, signed=True)[~near_zero]) == np.sign(values[~near_zero])).all()


@SIGNED
def test_the_middle_of_two_codes_goes_to_the_larger_one(signed: bool) -> None:
    numbers = numbers_of_codes(signed=signed)[1 : 120 if signed else 248]
    middles = ((numbers[1:] + numbers[:-1]) / 2).astype(np.float32)
    np.testing.assert_array_equal(through_blocks(middles, signed=signed), numbers[1:])
    below = np.nextafter(middles, np.float32(0))
    np.testing.assert_array_equal(through_blocks(below, signed=signed), numbers[:-1])
    if signed:
        np.testing.assert_array_equal(through_blocks(-middles, signed=True), -numbers[1:])


def test_iterates_are_signed() -> None:
    values, stored = np.float32([0.5, -0.25]), []
    for kind in ("first_moment", "iterate"):
        codes, scales = np.empty(2, np.uint8), np.empty(1, np.float32)
        encode_slot(values, codes, kind, scales)
        np.testing.assert_array_equal(decode_slot(codes, kind, FLOAT32, scales), values)
        stored.append(codes.tolist())
    assert stored[0] == stored[1]


@SIGNED
def test_stochastic_codes_are_both_neighbours_and_keep_the_mean(signed: bool, rng: np.random.Generator) -> None:
    grid = numbers_of_codes(signed=signed)
    smallest = 9 / 8 * (2.0**-15 if signed else 2.0**-31)
    sizes = np.float32([smallest, 0.4, 0.5, 0.999, *10 ** rng.uniform(-4.4 if signed else -9.2, 0, 20)])
    for value in sizes * (rng.choice([-1, 1], sizes.size).astype(np.float32) if signed else 1):
        values = np.full(2**16, value)
        values[::BLOCK] = 0.75  # so that all scales are 1
        rounded = through_blocks(values, signed=signed, random=ALL << 4)[ALL % BLOCK != 0].astype(np.float64)
        size = abs(float(value))
        below, above = grid[np.searchsorted(grid, size, "right") - 1], grid[np.searchsorted(grid, size)]
        assert set(np.abs(rounded)) == {below, above}
        assert above - below <= below / 8
        # One random number of 256 is missing.
        assert abs(np.abs(rounded).mean() - size) <= (above - below) * 2.0**-15


@SIGNED
def test_special_values_of_blocks(signed: bool) -> None:
    """A NaN or an infinity stays by itself; from 2^126 on a number counts as infinite. The others keep their scale."""
    specials = {np.nan: np.nan, np.inf: np.inf, 2.0**126: np.inf}
    if signed:
        specials |= {-np.inf: -np.inf, -3e38: -np.inf}
    for special, kept in specials.items():
        for others in (0.5, 0.0):
            values = np.full(3 * BLOCK, others, np.float32)
            values[2 * BLOCK - 1] = special
            codes, scales = stored_blocks(values, signed=signed)
            assert np.signbit(scales).tolist() == [False, True, False]
            decoded = decode_blocks(codes, scales, signed=signed)
            np.testing.assert_array_equal(decoded[2 * BLOCK - 1], np.float32(kept))
            assert (np.delete(decoded, 2 * BLOCK - 1) == others).all()


@SIGNED
@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 1000])
def test_the_last_block_may_be_partial(size: int, signed: bool) -> None:
    values = np.arange(1, size + 1, dtype=np.float32)
    codes, scales = stored_blocks(values, signed=signed)
    assert (codes.size, scales.size) == (size, -(-size // BLOCK))
    np.testing.assert_allclose(decode_blocks(codes, scales, signed=signed), values, rtol=1 / 17)


@SIGNED
def test_zeros_stay_zeros(signed: bool) -> None:
    codes, scales = stored_blocks(np.array([0.0, -0.0] * 200, np.float32), signed=signed)
    assert set(codes[::2]) == {0}
    assert set(codes[1::2]) == {0x80 if signed else 0}
    assert not scales.any()
    decoded = decode_blocks(codes, scales, signed=signed)
    assert not decoded.any()
    assert not np.signbit(decoded).any()


@SIGNED
def test_every_magnitude(signed: bool) -> None:
    """Eighths of a power of two between the smallest code of the smallest scale and 2^126; nothing overflows."""
    smallest = 2.0 ** (-105 if signed else -121)
    for exponent in range(-149, 128):
        for fraction in (1.0, 17 / 16, 1.3, 1.96):
            value = np.float32(min(fraction * 2.0**exponent, 3e38))
            (decoded,) = through_blocks(np.float32([value]), signed=signed)
            if exponent >= 126:
                assert decoded == np.inf
            elif value >= smallest * 17 / 16:
                assert decoded == np.floor(value / 2.0**exponent * 8 + 0.5) / 8 * 2.0**exponent
            else:
                assert decoded == (0 if signed else smallest)


@pytest.mark.parametrize("random", [None, 0, 2**20 - 1])
@pytest.mark.parametrize("largest", [0.0, 1e-45, 1e-20, 1.0, 1e20, 8e37])
def test_a_positive_second_moment_never_becomes_zero(largest: float, random: int | None) -> None:
    values = np.float32([largest, *(10.0 ** np.arange(-44, 38, 3)), 1e-45, 0.0])
    values = np.minimum(values, np.float32(largest or 1))
    bits = None if random is None else np.full(values.size, random, np.uint32)
    decoded = through_blocks(values, signed=False, random=bits)
    assert (decoded > 0).all()
    assert np.isfinite(decoded).all()


def test_what_is_negative_has_the_smallest_unsigned_code() -> None:
    codes, _ = stored_blocks(np.float32([0.5, -0.5, -0.0, -1e-30]), signed=False)
    assert codes.tolist() == [240, 0, 0, 0]


# Averages


def sixteen_bits(values: Array, random: Array | None) -> Array:
    return decode(encoded(values, BFLOAT16, random), FLOAT32)


def eight_bits(values: Array, random: Array | None) -> Array:
    return through_blocks(values, signed=False, random=None if random is None else random << 4)


@pytest.mark.parametrize(("stored", "decay"), [(sixteen_bits, 0.999), (eight_bits, 0.99)])
def test_a_slow_average_needs_stochastic_rounding(
    stored: Callable[[Array, Array | None], Array], decay: float, rng: np.random.Generator
) -> None:
    """To nearest it would stand still; stochastically it falls a hundredfold when it should."""
    start = stored(rng.uniform(0.5, 1, 4096).astype(np.float32), None)
    np.testing.assert_array_equal(stored(np.float32(decay) * start, None), start)
    average = start
    steps = int(np.log(1 / 100) / np.log(decay))
    for step in range(steps):
        random, _ = halves(noise(average.size, seed=0, position=0, step=step + 1, purpose=STATE))
        average = stored(np.float32(decay) * average, random)
    assert average.mean() == pytest.approx(start.mean() * decay**steps, rel=0.05)
