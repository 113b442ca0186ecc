"""Group C of the faults: numbers that are not finite, not normal or too large, and the caller's rounding mode."""

from __future__ import annotations

import ctypes
import ctypes.util
import itertools
import math
import platform
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from cases import CLASSES, RULES, TEAMS, arrays_of, assert_same_bits, build, dtype_of, some, spread, trained

import onepass as op
from onepass.arrays import Array
from onepass.optimizer import Optimizer
from onepass.reference import Twin
from onepass.signatures import signatures

on_every_optimizer = pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
on_every_rule = pytest.mark.parametrize("rule", RULES)
on_every_kind = pytest.mark.parametrize("rule", some(RULES))
SPECIAL = [math.nan, math.inf, -math.inf]

#: More than two of the widest packs and a tail.
LANES = 77


# Sums carry it through its tensor, and no further: tests/test_stages.py.
@pytest.mark.parametrize("rule", some(rule for rule in RULES if len(signatures[rule].rule.stages) == 1))
def test_C1_C2_a_special_value_in_any_lane(rule: str) -> None:
    """What comes of it depends on no place in a pack or a tail; all other elements go on as if it were not there."""
    for role, value in itertools.product(("gradient", "parameter", "state"), SPECIAL):
        assert_same_in_any_lane(rule, role, value)


def assert_same_in_any_lane(rule: str, role: str, value: float) -> None:
    params = [np.full(LANES, 0.5, np.float32) for _ in range(LANES + 1)]
    gradients = [np.full(LANES, -0.25, np.float32) for _ in params]
    optimizer = build(rule, params)
    slots = [[state[name] for name in signatures[rule].kinds] for state in optimizer.state]
    for place in range(LANES):  # the last one has none
        for array in {"gradient": [gradients[place]], "parameter": [params[place]], "state": slots[place]}[role]:
            array[place] = value
    for _ in range(3):
        optimizer.step(gradients)
    for arrays in (params, *zip(*slots, strict=True)):
        square = np.stack(arrays[:LANES])
        assert_same_bits([square.diagonal().copy()], [np.full(LANES, square[0, 0])])
        others = square[~np.eye(LANES, dtype=bool)]
        assert_same_bits([others], [np.full(others.shape, arrays[LANES][0])])
        assert np.isfinite(others).all()


@contextmanager
def floating_point_mode(bits: int) -> Iterator[None]:
    """The caller's MXCSR with these bits set, by the C library; what it was on return is looked at."""
    libm = ctypes.CDLL(ctypes.util.find_library("m"))
    before, changed, after = ((ctypes.c_uint32 * 8)() for _ in range(3))
    libm.fegetenv(before)
    libm.fegetenv(changed)
    changed[7] |= bits
    libm.fesetenv(changed)
    try:
        yield
        libm.fegetenv(after)
    finally:
        libm.fesetenv(before)
    flags = 0x3F  # which say what has happened
    assert after[7] & ~flags == changed[7] & ~flags


FLUSH, UP, DOWN, CHOP = 0x8040, 0x4000, 0x2000, 0x6000


@pytest.mark.skipif(
    platform.machine() != "x86_64" or sys.platform != "linux", reason="knows the x86 layout of glibc's fenv_t"
)
@on_every_kind
def test_C3_C4_floating_point_modes_of_the_caller(rule: str) -> None:
    """Subnormal numbers among others, by every team: the bits of the default mode, and the caller's mode kept."""
    rng = np.random.default_rng(5)
    values, gradient = spread(rng, 50_000, np.float32), spread(rng, 50_000, np.float32)
    values[::7], gradient[::5] = 1e-41, -1e-42
    expected = build(rule, [values.copy()])
    for _ in range(2):
        expected.step([gradient])
    for (layer, threads), bits in itertools.product(TEAMS, (FLUSH, UP, DOWN, CHOP, FLUSH | UP)):
        op.set_threading_layer(layer)
        op.set_num_threads(threads)
        optimizer = build(rule, [values.copy()])
        with floating_point_mode(bits):
            optimizer.step([gradient])
        optimizer.step([gradient])
        assert_same_bits(arrays_of(optimizer), arrays_of(expected))


@on_every_rule
def test_C5_squares_that_overflow(rule: str) -> None:
    """As in NumPy: infinite state, and the element alone is touched by it."""
    gradient = np.array([1e20, -1e20, 3e38, 1.0] * 9, np.float32)
    optimizer = build(rule, [np.ones(36, np.float32)])
    twin = Twin(optimizer)
    for _ in range(3):
        optimizer.step([gradient])
        twin.step([gradient])
    assert_same_bits(arrays_of(optimizer), twin.arrays())
    assert np.isfinite(optimizer.params[0][3::4]).all()


def test_C5_an_infinite_second_moment_stops_an_element() -> None:
    optimizer = op.Adam([np.ones(2, np.float32)], lr=0.5)
    optimizer.step([np.array([1e20, 1.0], np.float32)])
    assert optimizer.state[0]["exp_avg_sq"][0] == math.inf
    assert optimizer.params[0].tolist() == [1.0, 0.5]


def after(optimizer: Optimizer, *gradients: list[float]) -> list[float]:
    for gradient in gradients:
        optimizer.step([np.array(gradient)])
    found: list[float] = optimizer.params[0].tolist()
    return found


def test_C6_signs_and_maxima_by_hand() -> None:
    """The sign of a zero moves nothing; that of a NaN is NaN, as is a maximum with NaN; clipping keeps NaN."""
    zeros, nan = np.zeros(4), math.nan
    lion = after(op.Lion([zeros.copy()], lr=1.0), [0.0, -0.0, nan, 1e-300])
    assert repr(lion) == "[0.0, 0.0, nan, -1.0]"
    assert repr(after(op.Lion([-zeros], lr=1.0), [0.0, -0.0, 1.0, -1.0])) == "[-0.0, -0.0, -1.0, 1.0]"
    amsgrad = op.AMSGrad([zeros.copy()], lr=1.0, betas=(0.0, 0.5), eps=0.0)
    after(amsgrad, [2.0, nan, 1.0, 3.0], [1.0, 1.0, nan, 5.0])
    # v is 2, then 1.5; 4.5, then 14.75. NaN in either makes NaN.
    assert repr(amsgrad.state[0]["max_exp_avg_sq"].tolist()) == "[2.0, nan, nan, 14.75]"
    adamax = op.Adamax([zeros.copy()], lr=1.0, betas=(0.0, 0.5), eps=0.0)
    after(adamax, [-8.0, nan, 1.0, 1.0], [1.0, 1.0, nan, -math.inf])
    assert repr(adamax.state[0]["exp_inf"].tolist()) == "[4.0, nan, nan, inf]"
    clipped = after(op.SGD([zeros.copy()], lr=1.0, clip_value=0.5), [nan, math.inf, -math.inf, -0.25])
    assert repr(clipped) == "[nan, -0.5, 0.5, 0.25]"


def rounder(size: int, dtype: str) -> Callable[[Array], Array]:
    """What the kernels make of so many numbers: the mirror that a step writes, whose gradient moves nothing."""
    values, zeros = np.zeros(size, np.float32), np.zeros(size, np.float32)
    optimizer = op.Rprop([values], mirror=dtype, threads=1)  # type: ignore[arg-type]
    (mirror,) = optimizer.mirror or ()

    def rounded(given: Array) -> Array:
        values[...] = given
        optimizer.step([zeros])
        return mirror

    return rounded


HALVES: dict[str, list[tuple[int, int]]] = {
    # The bits of a float32, and of the nearest number of 16 bits, ties to even.
    "bfloat16": [
        (0x3F808000, 0x3F80), (0x3F818000, 0x3F82), (0x3F808001, 0x3F81), (0x7F7FFFFF, 0x7F80), (0xFF7F8000, 0xFF80),
        (0x7F800000, 0x7F80), (0x00008000, 0x0000), (0x00018000, 0x0002), (0x80008001, 0x8001), (0x00000001, 0x0000),
    ],
    "float16": [
        (0x3F801000, 0x3C00), (0x3F803000, 0x3C02), (0x3F801001, 0x3C01), (0x477FEFFF, 0x7BFF), (0x477FF000, 0x7C00),
        (0x7F7FFFFF, 0x7C00), (0x33000000, 0x0000), (0x33000001, 0x0001), (0x33C00000, 0x0002), (0xB8800000, 0x8400),
        (0x387FC000, 0x03FF), (0x00000001, 0x0000), (0x80000001, 0x8000),
    ],
}  # fmt: skip


@pytest.mark.parametrize("dtype", HALVES)
def test_C7_rounding_to_16_bits_by_hand(dtype: str) -> None:
    dtype_of(dtype)
    bits, expected = (
        np.array(column, kind) for column, kind in zip(zip(*HALVES[dtype], strict=True), ("u4", "u2"), strict=True)
    )
    repeated = np.tile(bits, 9).view(np.float32)
    assert rounder(repeated.size, dtype)(repeated).view("u2").tolist() == np.tile(expected, 9).tolist()
    nans = np.array([0x7F800001, 0x7FC00000, 0xFF800001, 0x7FFFFFFF] * 20, "u4").view(np.float32)
    assert np.isnan(rounder(nans.size, dtype)(nans).astype(np.float32)).all()


def assert_rounded(starts: range, numbers: Array, dtype: np.dtype[Any]) -> None:
    """The float32 numbers of these bits, behind each start, are rounded as NumPy's conversion rounds them."""
    rounded = rounder(numbers.size, dtype.name)
    # NumPy takes its time over what is far out of range.
    range_of = (np.finfo if dtype == np.float16 else pytest.importorskip("ml_dtypes").finfo)(dtype)
    small, large = (np.float32(bound) for bound in (float(range_of.smallest_subnormal) / 4, float(range_of.max)))
    for start in starts:
        values = (numbers + np.uint32(start)).view(np.float32)
        is_nan = np.isnan(values)
        found = rounded(values)
        with np.errstate(over="ignore", invalid="ignore"):
            values = np.where(np.abs(values) < small, np.copysign(np.float32(0), values), values)
            values = np.where(np.abs(values) / 2 > large, np.copysign(np.float32(np.inf), values), values)
            differ = found.view("u2") != values.astype(dtype).view("u2")
        assert not (differ & ~is_nan).any()
        assert np.isnan(found[is_nan].astype(np.float32)).all()


@pytest.mark.parametrize("name", HALVES)
def test_C7_rounding_to_16_bits_is_that_of_numpy(name: str) -> None:
    """A sample of all float32 numbers, with every exponent and sign."""
    assert_rounded(range(3), np.arange(0, 2**32, 0x5001, np.uint32), dtype_of(name))


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", HALVES)
def test_C7_all_positive_float32_numbers(name: str) -> None:
    assert_rounded(range(0, 2**31, 2**20), np.arange(2**20, dtype=np.uint32), dtype_of(name))


@on_every_optimizer
def test_C8_a_scale_that_is_none(cls: type[Optimizer], refused: Any) -> None:
    optimizer = trained(cls)
    scales: list[Any] = [0.0, -1.0, math.nan, math.inf, 1e-40, 1e40, "2", None, True, 1j]
    for scale in scales:
        with refused(optimizer, (TypeError, ValueError), "^step: grad_scale must be "):
            optimizer.step([np.ones((4, 5), np.float32), np.ones(5, np.float32)], grad_scale=scale)
        with pytest.raises((TypeError, ValueError), match=f"^{cls.__name__}: grad_scale must be "):
            cls([np.ones(3)], grad_scale=scale)


@on_every_optimizer
def test_C8_an_infinity_was_found(cls: type[Optimizer], unchanged: Any) -> None:
    """Anything but zero skips: parameters, state and step counts stay, with and without a norm to be clipped."""
    optimizer = trained(cls, ema=True, mirror="float16")
    gradients = [np.ones((4, 5), np.float32), np.ones(5, np.float32)]
    for found in (1, 2, 0.5, -1, True, math.nan, math.inf, np.float32(1), np.array([math.nan]), np.array(2)):
        for options in ({}, {"clip_norm": 1.0}, {"skip_nonfinite": True}):
            with unchanged(optimizer):
                assert optimizer.step(gradients, found_inf=found, **options).skipped
    for found in (0, 0.0, -0.0, False, np.array([0.0])):
        assert not optimizer.step(gradients, found_inf=found).skipped
    assert optimizer.state[1]["step"] == 8


@on_every_optimizer
def test_C9_norms_that_are_zero_or_none(cls: type[Optimizer]) -> None:
    optimizer, plain = trained(cls), trained(cls)
    for gradients in ([np.zeros((4, 5), np.float32), np.zeros(5, np.float32)], [None, None]):
        record = optimizer.step(gradients, clip_norm=1.0)
        assert (record.grad_norm, record.clip_coefficient) == (0.0, 1.0)
        plain.step(gradients)
        assert_same_bits(arrays_of(optimizer), arrays_of(plain))
    empty = cls([np.ones(0), np.ones((0, 3))])
    assert empty.step([np.ones(0), np.ones((0, 3))], clip_norm=1.0).grad_norm == 0.0
    infinite = [np.full((4, 5), math.inf, np.float32), np.ones(5, np.float32)]
    record = optimizer.step(infinite, clip_norm=1.0)
    assert (record.grad_norm, record.clip_coefficient) == (math.inf, 0.0)
    plain.step([np.full((4, 5), math.nan, np.float32), np.zeros(5, np.float32)])  # inf * 0 is NaN, 1 * 0 is 0
    assert_same_bits(arrays_of(optimizer), arrays_of(plain))


@on_every_optimizer
def test_C10_a_step_is_skipped_as_a_whole(cls: type[Optimizer], unchanged: Any) -> None:
    """Wherever the number that is not finite is: in the first tensor, in the last, in a tail."""
    params = [np.linspace(-1, 1, size) for size in (5, 4097, 3)]
    optimizer = cls([{"params": params[:1]}, {"params": params[1:]}], skip_nonfinite=True, ema=True, mirror="float32")
    optimizer.step([np.ones_like(param) for param in params])
    for value in SPECIAL:
        for tensor, place in ((0, 0), (0, 4), (1, 0), (1, 2048), (1, 4096), (2, 2)):
            gradients = [np.ones_like(param) for param in params]
            gradients[tensor][place] = value
            with unchanged(optimizer):
                assert optimizer.step(gradients).skipped
    optimizer.step([np.ones_like(param) for param in params])
    assert [int(state["step"]) for state in optimizer.state] == [2, 2, 2]


@on_every_kind
def test_C11_state_that_has_decayed(rule: str) -> None:
    """Among the smallest numbers that there are, a step is less than three times as slow where they are flushed."""
    size = 4096
    gradient = np.zeros(size, np.float32)

    def seconds(start: float) -> float:
        optimizer = build(rule, [np.ones(size, np.float32)], flush_subnormals=True, threads=1)
        optimizer.step([gradient])
        for name in signatures[rule].kinds:
            optimizer.state[0][name][...] = start
        best = math.inf
        for _ in range(20):
            began = time.perf_counter()
            optimizer.step([gradient])
            best = min(best, time.perf_counter() - began)
        return best

    usual = seconds(0.5)
    assert min(seconds(1e-41), seconds(1e-41)) < 3 * usual


# Averages go on, and the parameter of Schedule-Free with them.
@pytest.mark.parametrize(
    "cls", [cls for cls in CLASSES if not cls.__name__.startswith("ScheduleFree")], ids=lambda cls: cls.__name__
)
def test_C11_gradients_of_zeros_without_end(cls: type[Optimizer]) -> None:
    """What two steps have left in the state decays as far as it can; then the parameters stand still, bit for bit."""
    quick = {"betas": (0.5,) * len(getattr(cls, "betas", ())), "weight_decay": 0.0, "lambd": 0.0, "momentum": 0.5}
    optimizer = cls([np.ones(7, np.float32)], **{name: quick[name] for name in cls.hyperparameters if name in quick})
    for step in range(2000):
        optimizer.step([np.full(7, 1.0 if step < 2 else 0.0, np.float32)])
    settled = optimizer.params[0].copy()
    for _ in range(2000):
        optimizer.step([np.zeros(7, np.float32)])
    assert_same_bits(optimizer.params, [settled])
    assert all(np.isfinite(value).all() for value in optimizer.state[0].values())
    assert settled[0] != 1
