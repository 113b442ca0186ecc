"""Are the bits of stochastic rounding those of the formula, and do they look random?"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest

from onepass.arrays import Array
from onepass.reference.kernels.noise import MEAN, PARAMETER, STATE, halves, hashes, key, mix, noise, twenties

SIZE = 2**16
#: How many elements' bits are independent: sixteen of a block hang together.
INDEPENDENT = SIZE // 16
Parts = Callable[[Array], tuple[Array, Array]]


def test_mix_is_splitmix64() -> None:
    """The first numbers of the generator with the seed 1234567, as published with it."""
    gamma = 0x9E3779B97F4A7C15
    numbers = [mix((1234567 + step * gamma) % 2**64) for step in range(3)]
    assert numbers == [6457827717110365317, 3203168211198807973, 9817491932198370423]


def test_the_hash_is_its_formula_in_integers() -> None:
    for index, number in itertools.product((0, 1, 12345, 2**32 - 1), (0, 1, 0x0123456789ABCDEF, 2**64 - 1)):
        x = (index + number) % 2**32
        x = (x ^ x >> 16) * 0x21F0AAAD % 2**32
        x = ((x ^ x >> 15) + (number >> 32)) * 0x735A2D97 % 2**32
        assert hashes(np.array([index], np.uint32), number).tolist() == [x ^ x >> 15]


def hashed(size: int, *place: int) -> Array:
    """What the first elements of blocks have."""
    return hashes(np.arange(size, dtype=np.uint32), key(*place))


def test_no_two_hashes_collide() -> None:
    assert np.unique(hashed(2**20, 1, 2, 3, STATE)).size == 2**20


def test_keys_differ_with_each_argument() -> None:
    few = (0, 1, 2, 3, 2**32, 2**53)
    seeds, purposes, highs = (*few, 2**64 - 1), (STATE, PARAMETER, MEAN), (0, 1, 2)
    keys = [key(*arguments) for arguments in itertools.product(seeds, few, few, purposes, highs)]
    assert len(set(keys)) == len(keys)
    assert all(0 <= one < 2**64 for one in keys)
    flipped = [bin(one ^ other).count("1") for one, other in itertools.pairwise(keys)]
    assert 12 < min(flipped) <= max(flipped) < 52
    assert np.mean(flipped) == pytest.approx(32, abs=0.5)


def test_elements_beyond_the_first_are_the_same_for_any_size() -> None:
    np.testing.assert_array_equal(noise(SIZE, 1, 2, 3, STATE)[:100], noise(100, 1, 2, 3, STATE))
    assert noise(0, 1, 2, 3, STATE).shape == (0,)


def test_halves() -> None:
    lower, upper = halves(np.array([0x0123FEDC], np.uint32))
    assert (lower.tolist(), upper.tolist()) == ([0xFEDC], [0x0123])
    assert lower.dtype == upper.dtype == np.uint32


def test_twenties() -> None:
    lower, upper = twenties(np.array([0x0123FEDC], np.uint32))
    assert (lower.tolist(), upper.tolist()) == ([0x3FEDC], [0x0123F])


def test_the_bits_of_a_block_are_their_formula_in_integers() -> None:
    bits, first = noise(600, 1, 2, 3, STATE).tolist(), hashed(600, 1, 2, 3, STATE).tolist()
    for element in range(600):
        block, place = divmod(element, 256)
        assert bits[element] == (first[256 * block + place % 16] + place // 16 * 0x9E36A09F) % 2**32


def test_each_sixteenth_of_a_block_is_spread_evenly() -> None:
    """Neighbours are about as far apart as if all were by the same."""
    for part in twenties(noise(SIZE, 1, 2, 3, STATE)):
        numbers = np.sort(part.reshape(-1, 16, 16) / 2**20, axis=1)
        gaps = np.diff(np.concatenate([numbers, numbers[:, :1] + 1], axis=1), axis=1) * 16
        assert gaps.min() > 0.47
        assert gaps.max() < 1.61


BITS = {halves: 16, twenties: 20}


def numbers(parts: Parts, *place: int) -> list[Array]:
    """As fractions less their mean, the numbers that roundings take."""
    return [part / 2 ** BITS[parts] - 0.5 for part in parts(noise(SIZE, *place))]


def streams(parts: Parts) -> list[Array]:
    """The numbers of neighbours in every argument."""
    places = [(0, 0, 1, STATE), (1, 0, 1, STATE), (0, 1, 1, STATE), (0, 0, 2, STATE), (0, 0, 1, PARAMETER)]
    return [part for place in places for part in numbers(parts, *place)]


all_parts = pytest.mark.parametrize("parts", [halves, twenties], ids=["halves", "twenties"])


@all_parts
def test_numbers_are_uniform(parts: Parts) -> None:
    for stream in streams(parts):
        counts, _ = np.histogram(stream, 256, (-0.5, 0.5))
        chi_squared = ((counts - SIZE / 256) ** 2 / (SIZE / 256)).sum()
        assert chi_squared < 255 + 7 * np.sqrt(2 * 255)  # what hangs together scatters more
        assert abs(stream.mean()) < 5 * np.sqrt(1 / 12 / SIZE)


def test_every_bit_is_a_fair_coin() -> None:
    for step in range(1, 4):
        bits = noise(SIZE, 0, 0, step, STATE)[:, np.newaxis] >> np.arange(32, dtype=np.uint32) & 1
        assert (np.abs(bits.mean(axis=0) - 0.5) < 5 * np.sqrt(0.25 / INDEPENDENT)).all()


@all_parts
def test_streams_are_not_correlated_with_each_other_nor_with_the_index(parts: Parts) -> None:
    correlations = np.corrcoef([*streams(parts), np.arange(SIZE)])
    assert (np.abs(correlations - np.eye(len(correlations))) < 5 / np.sqrt(INDEPENDENT)).all()


def test_steps_are_not_correlated() -> None:
    for half in (0, 1):
        steps = [numbers(halves, 0, 0, step, STATE)[half] for step in range(1, 65)]
        correlations = np.corrcoef(steps) - np.eye(64)
        assert np.sqrt((correlations**2).sum() / (64 * 63) * INDEPENDENT) < 0.6


@all_parts
def test_an_element_is_rounded_as_if_every_step_tossed_its_own_coins(parts: Parts) -> None:
    for half in (0, 1):
        steps = [numbers(parts, 0, 0, step, STATE)[half] for step in range(1, 65)]
        assert np.mean(steps, axis=0).var() == pytest.approx(1 / 12 / 64, rel=0.03)


def test_neighbouring_hashes_are_hardly_correlated() -> None:
    """Two multiplications leave a hundredth at distances such as 4096."""
    for stream in (part / 2**16 - 0.5 for step in range(1, 4) for part in halves(hashed(SIZE, 0, 0, step, STATE))):
        for distance in (1, 2, 3, 16, 256, 4096):
            bound = 5 / np.sqrt(SIZE) if distance < 256 else 0.05
            assert abs(np.corrcoef(stream[distance:], stream[:-distance])[0, 1]) < bound
