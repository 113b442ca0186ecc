"""How are numbers stored? Dtypes by name; in 16 bits, or in 8 beside a scale; rounded to nearest or stochastically.

Stochastic rounding takes 16 or 20 random bits for each number and rounds up with the probability that makes the mean
exact: what changes by less than half a place at a time moves all the same, on average by as much as it should.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from onepass.arrays import Array

#: Elements that share a scale in eight bits.
BLOCK = 256
#: Parameters smaller than this keep float32 state instead of eight bits.
FLOAT8_FROM = 4096

Floats = NDArray[np.float32]
Words = NDArray[np.uint32]

_MAGNITUDE = 0x7FFFFFFF
_INFINITY = 0x7F800000
_TOO_LARGE = 0x7E800000  # the bits of 2^126, from which on a number of a block counts as infinite
_FRACTION = 20  # a float32's 23 fraction bits, less the three that a code of 8 bits keeps
# The two highest codes are for what has no part in a scale: infinities and NaN.
_INFINITE_CODE, _NAN_CODE = 0x7E, 0x7F
# What counts as zero of a scale: the bits of 2^-15 in a signed code, of 2^-31 in an unsigned one.
_SMALLEST = {True: 112 << 23, False: 96 << 23}


def named_dtype(owner: str, name: str) -> np.dtype[Any]:
    """The dtype of that name; bfloat16 comes with the package ml_dtypes.

    Raises:
        ModuleNotFoundError: it is not installed.
    """
    if name != "bfloat16":
        return np.dtype(name)
    try:
        import ml_dtypes
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f'{owner}: bfloat16 needs the package ml_dtypes; run pip install "onepass[bf16]"', name="ml_dtypes"
        ) from error
    dtype: np.dtype[Any] = np.dtype(ml_dtypes.bfloat16)
    return dtype


def compute_dtype(param: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype of all arithmetic on a parameter: float64 for float64, float32 for all others."""
    return np.dtype(np.float64 if param == np.float64 else np.float32)


def decode_slot(stored: Array, kind: str, dtype: np.dtype[Any], scales: Array | None = None) -> Array:
    """The numbers that a rule computes with; the very array if they are stored as they are.

    Args:
        stored: a state slot; with `scales`, flat codes of eight bits.
        kind: what the rule declares the slot to be: "first_moment", "second_moment" or "iterate".
        dtype: of the numbers.
    """
    if scales is not None:
        return _decode_blocks(stored, scales, is_signed=kind != "second_moment")
    return _decode_roots(stored) if _holds_roots(stored, kind) else decode(stored, dtype)


def encode_slot(
    values: Array, stored: Array, kind: str, scales: Array | None = None, random: Words | None = None
) -> None:
    """Store what `decode_slot` reads: to nearest, or with 16 random bits for each number, 20 if 8 are kept."""
    if scales is not None:
        _encode_blocks(values, stored, scales, is_signed=kind != "second_moment", random=random)
    elif _holds_roots(stored, kind):
        _encode_roots(values, stored, random)
    else:
        encode(values, stored, random)


def compensation_scale(dtype: np.dtype[Any]) -> np.float32:
    """By what a compensation is multiplied when it is stored, so that half a place of its parameter is in its range."""
    return np.float32(2**11 if dtype == np.float16 else 1)


def decode(stored: Array, dtype: np.dtype[Any]) -> Array:
    """The numbers in a dtype that holds them exactly; the very array if it is of that dtype."""
    return stored.astype(dtype, copy=False)


def encode(values: Array, stored: Array, random: Words | None = None) -> None:
    """Round values into an array of any float dtype: to nearest, or into 16 bits with 16 random ones for each."""
    if values is stored:
        return
    with np.errstate(over="ignore", invalid="ignore"):
        if stored.dtype.itemsize > 2:
            stored[...] = values
            return
        rounded = _float16 if stored.dtype == np.float16 else _bfloat16
        # NumPy's arithmetic on 0-dimensional arrays yields scalars, which wrap round with a warning.
        bits = rounded(np.atleast_1d(values.astype(np.float32, copy=False)), random)
        stored.view(np.uint16)[...] = bits.reshape(stored.shape)


def _bfloat16(x: Floats, random: Words | None) -> Words:
    """The upper half of a float32."""
    bits = x.view(np.uint32)
    below = 0x7FFF + ((bits >> 16) & 1) if random is None else random
    return np.where(_is_nan(bits), (bits >> 16) | 0x40, (bits + below) >> 16)


def _float16(x: Floats, random: Words | None) -> Words:
    if random is None:
        return x.astype(np.float16).view(np.uint16).astype(np.uint32)
    bits = x.view(np.uint32)
    magnitude = bits & _MAGNITUDE
    normal = (magnitude - 0x38000000 + (random >> 3)) >> 13  # 0x38000000: what exponents are biased by more
    # Below 2^-14 the places are 2^-24 apart, whatever the exponent.
    places = np.abs(x) * np.float32(2**24) + (random >> 2).astype(np.float32) * np.float32(2**-14)
    subnormal = np.minimum(places, 1024).astype(np.uint32)
    finite = np.where(magnitude < 0x38800000, subnormal, normal)
    special = np.where(_is_nan(bits), np.uint32(0x7E00), np.uint32(0x7C00))
    rounded: Words = np.where(magnitude >= 0x47800000, special, finite) | ((bits >> 16) & 0x8000)
    return rounded


def _is_nan(bits: Words) -> NDArray[np.bool_]:
    is_nan: NDArray[np.bool_] = (bits & _MAGNITUDE) > _INFINITY
    return is_nan


def _holds_roots(stored: Array, kind: str) -> bool:
    """The range of float16 does not hold the squares of small gradients."""
    return kind == "second_moment" and stored.dtype == np.float16


def _encode_roots(values: Floats, stored: Array, random: Words | None) -> None:
    """Round the roots of second moments. One that is not zero never becomes zero: steps are divided by it."""
    roots = np.sqrt(values)
    encode(np.where((values > 0) & (roots < 2.0**-24), np.float32(2.0**-24), roots), stored, random)


def _decode_roots(stored: Array) -> Floats:
    roots = stored.astype(np.float32)
    return np.square(roots, out=roots)


def flush_subnormals(stored: Array) -> None:
    """Make +0 of what is smaller than the normal numbers of float32, float64 or bfloat16; float16 needs its own."""
    if stored.dtype not in (np.float16, np.uint8):
        values = decode(stored, compute_dtype(stored.dtype))  # bfloat16 has the exponents of float32
        stored[np.abs(values) < np.finfo(values.dtype).tiny] = 0


def in_rows(values: Array, length: int) -> Array:
    """A flat array in rows, the last one filled up with zeros."""
    rows = np.zeros((-(-values.size // length), length), values.dtype)
    rows.reshape(-1)[: values.size] = values
    return rows


def _encode_blocks(values: Floats, codes: Array, scales: Array, *, is_signed: bool, random: Words | None) -> None:
    """Round flat values into codes of 8 bits, floating point of three fraction bits, with a scale for every block.

    The scale is a power of two above the block's largest magnitude, so that scaling is exact; that of zeros is zero. A
    signed code has four bits of exponent; what is below 2^-15 of the scale counts as zero. An unsigned one has five;
    what is below 2^-31 of the scale counts as that, never as zero: steps are divided by it. A NaN, an infinity, and
    what is 2^126 or more and counts as one, have codes of their own and no part in the scale, which is negative then.
    """
    x, smallest = in_rows(values, BLOCK), _SMALLEST[is_signed]
    magnitude = x.view(np.uint32) & _MAGNITUDE
    fits = magnitude < _TOO_LARGE
    largest = np.where(fits, magnitude, 0).max(axis=1)
    # Neither the inverse of a scale nor its product with the smallest code is subnormal.
    exponent = np.clip((largest >> 23) + 1, 37, 253).astype(np.uint32)
    inverse = ((254 - exponent) << 23).view(np.float32)
    scaled = np.where(fits, x, 0) * inverse[:, np.newaxis]
    bits = (np.abs(scaled) if is_signed else np.maximum(scaled, 0)).view(np.uint32)
    below = np.uint32(1 << (_FRACTION - 1)) if random is None else in_rows(random, BLOCK)
    code = (np.maximum(bits, smallest) - smallest + below) >> _FRACTION
    signs = x.view(np.uint32) >> 31 << 7 if is_signed else np.uint32(0)
    highest = 0 if is_signed else 0x80
    exceptions = np.where(_is_nan(x.view(np.uint32)), _NAN_CODE | highest, (_INFINITE_CODE | highest) | signs)
    scale = np.where(largest == 0, np.float32(0), (exponent << 23).view(np.float32))
    codes[...] = np.where(fits, code | signs, exceptions).reshape(-1)[: codes.size]
    scales[...] = np.where(fits.all(axis=1), scale, -scale)


def _decode_blocks(codes: Array, scales: Array, *, is_signed: bool) -> Floats:
    magnitude = (codes & 0x7F if is_signed else codes).astype(np.uint32)
    scale = np.repeat(scales, BLOCK)[: codes.size]
    bits = (magnitude << _FRACTION) + np.uint32(_SMALLEST[is_signed])
    if is_signed:
        bits = np.where(magnitude == 0, np.uint32(0), bits)
    values: Floats = bits.view(np.float32) * np.abs(scale)
    if np.signbit(scales).any():
        highest = 0 if is_signed else 0x80
        is_exceptional = np.signbit(scale)
        values[is_exceptional & (magnitude == (_INFINITE_CODE | highest))] = np.inf
        values[is_exceptional & (magnitude == (_NAN_CODE | highest))] = np.nan
    return np.where(codes > 0x80, -values, values) if is_signed else values
