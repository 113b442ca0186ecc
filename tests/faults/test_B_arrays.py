"""Group B of the faults: arrays that are not what they should be, as parameter, gradient and state, everywhere."""

from __future__ import annotations

import ctypes
import mmap
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import CLASSES, RULES, arrays_of, assert_same_bits, build, shown, some, spread, trained, unaligned

import onepass as op
from onepass.arrays import Array
from onepass.optimizer import Optimizer
from onepass.reference import Twin
from onepass.signatures import signatures

on_every_optimizer = pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
on_every_kind = pytest.mark.parametrize("rule", some(RULES))


def read_only(values: Array) -> Array:
    copy = values.copy()
    copy.flags.writeable = False
    return copy


def misaligned(values: Array) -> Array:
    memory = np.zeros(values.nbytes + 1, np.uint8)
    copy = memory[1:].view(values.dtype).reshape(values.shape)
    copy[...] = values
    return copy


class Liar:
    """Is no array; whoever asks gets a wrong answer."""

    __array_interface__ = {"shape": (10**9,), "typestr": "<f4", "data": (1, False), "version": 3}

    def __array__(self, *_: object, **__: object) -> Array:
        raise AssertionError("asked")

    def __dlpack__(self, **_: object) -> object:
        raise AssertionError("asked")

    def __dlpack_device__(self) -> tuple[int, int]:
        return 1, 0


class Boastful(np.ndarray[Any, Any]):
    """A subclass may say anything of itself."""

    @property  # type: ignore[misc]
    def shape(self) -> tuple[int, ...]:  # type: ignore[override]
        return (4, 5)

    @property
    def dtype(self) -> np.dtype[Any]:  # type: ignore[override]
        return np.dtype(np.float32)


Make = Callable[[Array], Any]

#: Faults of parameters and gradients alike: by number, how to make one of values of shape (4, 5), and what is said.
ARRAYS: dict[str, tuple[Make, str]] = {
    "B3 slice": (lambda a: np.repeat(a, 2, axis=1)[:, ::2], "strides|another order"),
    "B3 rows": (lambda a: np.repeat(a, 2, axis=0)[::2], "strides|another order"),
    "B5 reversed": (lambda a: a[::-1, ::-1], "strides|another order"),
    "B6 stride 0": (lambda a: np.lib.stride_tricks.as_strided(a, a.shape, (0, 0)), "strides|another order"),
    "B6 broadcast": (lambda a: np.broadcast_to(a[0], a.shape), "strides|another order"),
    "B7 misaligned": (misaligned, "is not aligned to its item size"),
    "B8 swapped": (lambda a: a.astype(a.dtype.newbyteorder()), "has the foreign byte order"),
    **{
        f"B9 {dtype}": (lambda a, dtype=dtype: a.astype(dtype), "has dtype")
        for dtype in ("int32", "uint32", "bool", "complex64", "object", "S4", "int64")
    },
    "B9 structured": (lambda a: np.zeros(a.shape, "f4,f4"), "has dtype"),
    "B9 one field": (lambda a: a.view([("x", "f4")]), "has dtype"),
    "B10 longdouble": (lambda a: a.astype(np.longdouble), "has dtype|has the foreign"),
    "B10 datetime": (lambda a: np.zeros(a.shape, "M8[s]"), "has dtype"),
    "B10 timedelta": (lambda a: np.zeros(a.shape, "m8[s]"), "has dtype"),
    "B14 matrix": (lambda a: a.view(np.matrix), "must be a plain numpy.ndarray, got numpy.matrix"),
    "B14 masked": (lambda a: np.ma.masked_array(a, a > 0), "must be a plain numpy.ndarray, got numpy.ma"),
    "B14 record": (lambda a: a.view(np.recarray), "must be a plain numpy.ndarray, got numpy.rec"),
    "B21 list": (lambda a: a.tolist(), "must be a plain numpy.ndarray, got builtins.list"),
    "B21 number": (lambda a: float(a[0, 0]), "must be a plain numpy.ndarray, got builtins.float"),
    "B21 scalar": (lambda a: a[0, 0], "must be a plain numpy.ndarray, got numpy.float32"),
    "B27 liar": (lambda _: Liar(), "must be a plain numpy.ndarray, got .*Liar"),
    "B27 subclass": (lambda a: a[:2].view(Boastful), "must be a plain numpy.ndarray, got .*Boastful"),
    "B27 buffer": (memoryview, "must be a plain numpy.ndarray, got builtins.memoryview"),
}
PARAMETERS: dict[str, tuple[Make, str]] = {
    **ARRAYS,
    "B1 flag": (read_only, "is read-only"),
    "B1 broadcast": (lambda a: np.broadcast_to(a, a.shape), "is read-only"),
    "B1 bytes": (lambda a: np.frombuffer(a.tobytes(), a.dtype).reshape(a.shape), "is read-only"),
    "B9 int16": (lambda a: a.view(np.int16), "has dtype int16"),
}
GRADIENTS: dict[str, tuple[Make, str]] = {
    **ARRAYS,
    "B4 Fortran": (np.asfortranarray, "another order than its parameter"),
    "B9 float64": (lambda a: a.astype(np.float64), "has dtype float64, its parameter has float32"),
    "B11 transposed": (lambda a: a.T.copy(), r"has shape \(5, 4\), its parameter has \(4, 5\)"),
    "B11 flat": (lambda a: a.reshape(-1), r"has shape \(20,\), its parameter has \(4, 5\)"),
    "B11 one more dimension": (lambda a: a[..., None], r"has shape \(4, 5, 1\)"),
    "B11 one row, which NumPy would broadcast": (lambda a: a[:1].copy(), r"has shape \(1, 5\)"),
    "B11 one number": (lambda a: a[:1, :1].copy(), r"has shape \(1, 1\)"),
    "B12 nothing": (lambda a: a[:0], r"has shape \(0, 5\)"),
}


@on_every_optimizer
def test_B1_B3_B5_B6_B7_B8_B9_B10_B14_B21_B27_parameters(cls: type[Optimizer], refused: Any) -> None:
    optimizer = trained(cls)
    values = spread(np.random.default_rng(1), (4, 5), np.float32)
    for make, text in PARAMETERS.values():
        with pytest.raises((TypeError, ValueError), match=rf"^{cls.__name__}: parameter 1 .*({text})"):
            cls([np.ones(2), make(values)])
        with refused(optimizer, (TypeError, ValueError), rf"^{cls.__name__}: parameter 3 \('d'\) .*({text})"):
            optimizer.add_param_group({"params": {"c": np.ones(2, np.float32), "d": make(values)}})
    assert len(optimizer.param_groups) == 1


@on_every_optimizer
def test_B3_B4_B5_B6_B7_B8_B9_B10_B11_B12_B14_B21_B27_gradients(cls: type[Optimizer], refused: Any) -> None:
    """As the last one of a step, or of a sum: the parameter before it is not updated either."""
    values = spread(np.random.default_rng(1), (4, 5), np.float32)
    param, other = values.copy(), np.ones(3, np.float32)
    optimizer = cls([other, param])
    optimizer.bind_gradients([np.ones(3, np.float32), values])
    for name, (make, text) in GRADIENTS.items():
        bad = make(values)
        for call, options in (
            (optimizer.step, {}),
            (optimizer.step, {"clip_norm": 1.0, "zero_grad": True}),
            (optimizer.bind_gradients, {}),
        ):
            good, addend = np.ones(3, np.float32), np.ones((4, 5), np.float32)
            for gradient, where in ((bad, "(array 0 of )?gradient"), ([addend, bad], "array 1 of gradient")):
                with refused(optimizer, (TypeError, ValueError), f"^step: {where} 1 .*({text})"):
                    call([good, gradient], **options)
                assert (good == 1).all(), name
                assert (addend == 1).all(), name
    optimizer.step()  # what was bound is bound


@on_every_optimizer
def test_B1_B17_a_parameter_or_state_that_was_made_read_only(cls: type[Optimizer], refused: Any) -> None:
    optimizer = trained(cls, ema=True, mirror="float16")
    gradients = [np.ones((4, 5), np.float32), np.ones(5, np.float32)]
    for array in arrays_of(optimizer):
        array.flags.writeable = False
        with refused(
            optimizer, ValueError, "^step: (parameter|state of parameter) [01] .*(read-only|changed its memory)"
        ):
            optimizer.step(gradients)
        array.flags.writeable = True
    optimizer.step(gradients)


@on_every_kind
def test_B2_B7_read_only_gradients_and_any_alignment(rule: str) -> None:
    rng = np.random.default_rng(2)
    values, gradient = spread(rng, 1000, np.float32), spread(rng, 1000, np.float32)
    expected = build(rule, [values.copy()])
    expected.step([gradient])
    for offset in (1, 3, 7, 15):
        optimizer = build(rule, [unaligned(values, offset)])
        shifted = unaligned(gradient, 16 - offset)
        shifted.flags.writeable = False
        optimizer.step([shifted])
        assert_same_bits(arrays_of(optimizer), arrays_of(expected))


@on_every_kind
def test_B4_fortran_order_is_exact(rule: str) -> None:
    rng = np.random.default_rng(3)
    values, gradients = spread(rng, (33, 41), np.float64), [spread(rng, (33, 41), np.float64) for _ in range(3)]
    in_c, in_fortran = build(rule, [values.copy()]), build(rule, [np.asfortranarray(values)])
    twin = Twin(in_fortran)
    for gradient in gradients:
        in_c.step([gradient])
        in_fortran.step([np.asfortranarray(gradient)])
        twin.step([np.asfortranarray(gradient)])
    assert_same_bits(arrays_of(in_fortran), twin.arrays())
    if len(signatures[rule].rule.stages) > 1:  # sums are made in the order in which elements lie
        return
    assert_same_bits([np.array(one, order="C") for one in arrays_of(in_fortran)], list(arrays_of(in_c)))


@on_every_kind
def test_B12_B20_every_size_up_to_130(rule: str) -> None:
    """And an axis of length 0, no axis, and sizes about the 4096 elements of a tile."""
    rng = np.random.default_rng(4)
    shapes: list[Any] = [*range(131), (0,), (0, 5), (5, 0), (), (1, 1), 4095, 4096, 4097, 8191, 8193, 12287, 12289]
    optimizer = build(rule, [np.asarray(spread(rng, shape, np.float32)) for shape in shapes])
    twin = Twin(optimizer)
    for _ in range(2):
        gradients = [np.asarray(spread(rng, shape, np.float32)) for shape in shapes]
        optimizer.step(gradients)
        twin.step(gradients)
    assert_same_bits(arrays_of(optimizer), twin.arrays())


@on_every_optimizer
def test_B13_a_parameter_without_a_gradient_sits_out(cls: type[Optimizer]) -> None:
    optimizer = trained(cls)
    rule = signatures[optimizer.param_groups[0].rule].rule
    shared = [scalar.name for scalar in rule.scalars if rule.pooled]

    def own() -> list[Array]:
        return [optimizer.params[0], *(array for name, array in optimizer.state[0].items() if name not in shared)]

    before = [array.copy() for array in own()]
    assert optimizer.step([None, np.ones(5, np.float32)]).skipped is False
    assert_same_bits(own(), before)
    for name in shared:  # which the group goes on with
        assert optimizer.state[0][name] == optimizer.state[1][name]
    assert [int(state["step"]) for state in optimizer.state] == [3, 4]
    optimizer.step([None, None])
    assert [int(state["step"]) for state in optimizer.state] == [3, 4]


@on_every_optimizer
def test_B14_a_memory_map_is_updated(cls: type[Optimizer], tmp_path: Path) -> None:
    values, gradient = np.linspace(-1, 1, 1000, dtype=np.float32), np.ones(1000, np.float32)
    values.tofile(tmp_path / "params")
    mapped: Array = np.memmap(tmp_path / "params", np.float32, "r+")
    for params in ([mapped], [values]):
        cls(params).step([gradient])
    mapped.flush()  # type: ignore[attr-defined]
    assert_same_bits([np.fromfile(tmp_path / "params", np.float32)], [values])
    with pytest.raises(ValueError, match="parameter 0 is read-only"):
        cls([np.memmap(tmp_path / "params", np.float32, "r")])


@on_every_optimizer
def test_B15_a_gradient_that_lies_in_what_is_written(cls: type[Optimizer], refused: Any) -> None:
    memory = np.ones(60, np.float32)
    params = [memory[:20].reshape(4, 5), memory[20:25]]
    optimizer = cls(params, ema=True, mirror="float32", accumulate=2)
    written = [array for array in arrays_of(optimizer) if array.dtype == np.float32 and array.shape in ((4, 5), (5,))]
    assert len(written) > 4
    for array in written:
        flat = array.reshape(-1)
        gradients: list[Any] = [[array, None]] if array.shape == (4, 5) else [[None, array]]
        gradients.append([None, flat[-5:]])
        for gradient in gradients:
            with refused(optimizer, ValueError, r"^step: gradient [01] shares memory with \w+ [01]; pass a copy"):
                optimizer.step(gradient)
    with refused(optimizer, ValueError, "^step: gradient 1 shares memory with parameter [01]"):
        optimizer.step([None, memory[16:21]])
    optimizer.step([memory[-20:].reshape(4, 5), memory[-20:-15]])  # which share with each other alone


@on_every_optimizer
@pytest.mark.parametrize("size", [0, 3, 20, 5000])
def test_B17_an_array_that_is_resized_below_a_step(cls: type[Optimizer], size: int, refused: Any) -> None:
    """Every array that a step touches in turn: parameter, gradient, state, counter, average and mirror."""
    count = len(list(arrays_of(cls([np.ones(20)], ema=True, mirror="float32"))))
    for place in range(count + 1):
        gradient = np.ones(20)
        optimizer = cls([np.ones(20), np.ones(3)], ema=True, mirror="float32")
        optimizer.step([gradient, np.ones(3)])
        single = [optimizer.params[0], *optimizer.state[0].values(), *(optimizer.mirror or ())[:1], gradient]
        array = single[place]
        if size == array.size:
            array = optimizer.params[0]
            array.resize((4, 5), refcheck=False)
        else:
            array.resize(size, refcheck=False)
        with refused(optimizer, ValueError, "^step: (parameter|gradient|state of parameter) 0 has "):
            optimizer.step([gradient, np.ones(3)])
        assert optimizer.state[1]["step"] == 1


@on_every_optimizer
def test_B17_memory_that_moves(cls: type[Optimizer], refused: Any) -> None:
    """Of the same size, at another place: an address is looked at in every step."""
    param, gradient = np.ones(5000), np.ones(5000)
    optimizer = cls([param])
    optimizer.step([gradient])
    before = param.ctypes.data
    param.resize(500_000, refcheck=False)
    between = np.ones(5000)  # takes the place that was left
    param.resize(5000, refcheck=False)
    if before == param.ctypes.data:
        pytest.skip("this allocator gave the same place back")
    with refused(optimizer, ValueError, "^step: parameter 0 has changed its memory"):
        optimizer.step([gradient])
    assert between.all()


@on_every_optimizer
def test_B17_B18_arrays_that_turn_into_others(cls: type[Optimizer], refused: Any) -> None:
    optimizer = trained(cls)
    group = optimizer.param_groups[0]
    with refused(optimizer, ValueError, "the parameters of a group are fixed; use add_param_group"):
        group["params"] = [np.ones((4, 5), np.float32), np.ones(5, np.float32)]
    with pytest.raises(TypeError):
        group["params"][0] = np.ones((4, 5), np.float32)
    with pytest.raises(TypeError):
        optimizer.state[0]["step"] = np.array(0)  # type: ignore[index]
    for name in ("params", "state", "param_groups"):
        with pytest.raises(AttributeError):
            setattr(optimizer, name, [])
    optimizer.params[0] = np.ones(3)  # a list of its own
    optimizer.step([np.ones((4, 5), np.float32), np.ones(5, np.float32)])


@pytest.mark.filterwarnings("ignore:Setting the (shape|strides|dtype).*:DeprecationWarning")
@pytest.mark.parametrize(
    ("attribute", "value"),
    [("shape", (5, 4)), ("strides", (4, 16)), ("strides", (0, 0)), ("dtype", np.int32)],
    ids=shown,
)
@pytest.mark.parametrize("role", ["parameter", "gradient", "state"])
def test_B17_attributes_that_are_set(role: str, attribute: str, value: Any, refused: Any) -> None:
    gradient = np.ones((4, 5), np.float32)
    optimizer = op.AdamW([np.ones((4, 5), np.float32)])
    optimizer.step([gradient])
    array = {"parameter": optimizer.params[0], "gradient": gradient, "state": optimizer.state[0]["exp_avg"]}[role]
    setattr(array, attribute, value)
    with refused(optimizer, (TypeError, ValueError), "^step: (parameter|gradient|state of parameter) 0 "):
        optimizer.step([gradient])


PERIOD = 2**22


@pytest.mark.exhaustive
@pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="maps memory as Linux does")
@pytest.mark.parametrize("size", [2**31 - 1, 2**31, 2**31 + 5, 2**32 + 1])
def test_B19_more_elements_than_32_bits_count(size: int) -> None:
    """Each array lies many times on the same pages, so that an element says how often it was visited."""
    param, gradient = repeated(size), repeated(size)
    gradient[:PERIOD] = -1
    op.SGD([param], lr=1.0, threads=1).step([gradient])
    visits = np.full(PERIOD, size // PERIOD, np.float16)
    visits[: size % PERIOD] += 1
    assert_same_bits([param[:PERIOD]], [visits])


def repeated(size: int) -> Array:
    """Zeros of float16 whose memory repeats after a period."""
    libc = ctypes.CDLL(None)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
    once = 2 * PERIOD
    count = -(-size // PERIOD)
    whole = mmap.mmap(-1, count * once)  # room; what is not touched takes none
    base = ctypes.addressof(ctypes.c_char.from_buffer(whole))
    pages = os.memfd_create("onepass")
    os.ftruncate(pages, once)
    map_fixed = 0x10
    for number in range(count):
        at = base + number * once
        assert libc.mmap(at, once, mmap.PROT_READ | mmap.PROT_WRITE, mmap.MAP_SHARED | map_fixed, pages, 0) == at
    os.close(pages)
    return np.frombuffer(whole, np.float16, size)


def test_B22_many_tiny_parameters_take_linear_time() -> None:
    def seconds(count: int) -> float:
        params = [np.full(1, float(index)) for index in range(count)]
        gradients = [np.ones(1)] * count
        best = np.inf
        for _ in range(3):
            start = time.perf_counter()
            optimizer = op.SGD(params, lr=1.0)
            optimizer.step(gradients)
            best = min(best, time.perf_counter() - start)
        assert params[-1][0] == count - 4
        return float(best)

    few, many = seconds(2_000), seconds(20_000)
    assert many < 40 * few, "ten times as many in ten times the time, with room for a busy machine"
