"""Where do the random bits of stochastic rounding come from? A hash of who asks and of the element's index."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from onepass.formats import BLOCK

#: An integer below 2^64, or many.
Word = TypeVar("Word", int, NDArray[np.uint64])

#: What the bits are for.
STATE, PARAMETER, MEAN = 0, 1, 2

_MASK = 2**64 - 1

_HASHES = np.uint32(16)
# The upper and the lower 20 bits, as shares of their ranges, are the golden ratio and the root of 2, less 1 each.
_STRIDE = np.uint32(0x9E36A09F)


def mix(z: Word) -> Word:
    """The finalizer of SplitMix64 (Steele, Lea & Flood 2014), on integers of 64 bits."""
    x: Any = (z + 0x9E3779B97F4A7C15) & _MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & _MASK
    mixed: Word = x ^ (x >> 31)
    return mixed


def key(seed: int, position: int, step: int, purpose: int, high: int = 0) -> int:
    """64 bits of one parameter's step, for the elements whose indices have this upper half.

    Args:
        position: the parameter's number in the optimizer.
        step: 1 at the first.
        purpose: `STATE`, `PARAMETER` or `MEAN`.
    """
    return mix(mix(mix(mix(seed) ^ position) ^ step) ^ (4 * high + purpose))


def hashes(index: NDArray[np.uint32], key: int) -> NDArray[np.uint32]:
    """32 bits for each index: a full avalanche in two multiplications, the key entering twice."""
    x = index + np.uint32(key & 0xFFFFFFFF)
    x ^= x >> 16
    x *= np.uint32(0x21F0AAAD)
    x ^= x >> 15
    x += np.uint32(key >> 32)
    x *= np.uint32(0x735A2D97)
    x ^= x >> 15
    return x


def word_key(key: int, word: int) -> int:
    """The key of further hashes, where one has not bits enough."""
    twist = (key >> 32) + 0x9E3779B9 * word
    return (twist & 0xFFFFFFFF) << 32 | key & 0xFFFFFFFF


def noise(size: int, seed: int, position: int, step: int, purpose: int, word: int = 0) -> NDArray[np.uint32]:
    """32 random bits for each of a parameter's elements, in memory order.

    Of a block the first sixteen elements have a hash each, and further ones a stride more than those sixteen before. An
    element's bits are as random as a hash; those of a block's are spread more evenly.
    """
    bits = np.empty(size, np.uint32)
    for start in range(0, size, 2**32):
        part = bits[start : start + 2**32]
        own = word_key(key(seed, position, step, purpose, start >> 32), word)
        index = np.arange(part.size, dtype=np.uint32)
        in_block = index % BLOCK
        part[...] = hashes(index - in_block + in_block % _HASHES, own) + in_block // _HASHES * _STRIDE
    return bits


def halves(bits: NDArray[np.uint32]) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """The lower and the upper 16 bits, each as many as one rounding takes."""
    return bits & np.uint32(0xFFFF), bits >> np.uint32(16)


def twenties(bits: NDArray[np.uint32]) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """The lower and the upper 20 bits: as many as a code of eight bits cuts off a float32; eight are in both."""
    return bits & np.uint32(0xFFFFF), bits >> np.uint32(12)
