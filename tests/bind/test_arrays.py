"""Group B of the faults: an array that cannot be used as it is gets an error that says why, and nothing changes."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from cases import RULES, Snapshot, assert_same_bits, build, dtype_of, spread

import onepass as op
from onepass.arrays import Array


def broadcast(values: Array) -> Array:
    return np.broadcast_to(values[0], values.shape)


def read_only(values: Array) -> Array:
    copy = values.copy()
    copy.flags.writeable = False
    return copy


def strided(values: Array) -> Array:
    return np.repeat(values, 2)[::2]


def misaligned(values: Array) -> Array:
    memory = np.zeros(values.nbytes + 1, np.uint8)
    return memory[1:].view(values.dtype)


def byteswapped(values: Array) -> Array:
    return values.astype(values.dtype.newbyteorder())


def matrix(values: Array) -> Array:
    return np.ma.masked_array(values)


DTYPES_REFUSED = ["longdouble", "int32", "bool", "complex64", "object", "datetime64[s]", "f4,f4"]

# Faults that parameters and gradients share: how to make one, and what the error says.
FAULTS: dict[str, tuple[Callable[[Array], Any], type[Exception], str]] = {
    "list": (lambda values: values.tolist(), TypeError, "must be a plain numpy.ndarray, got builtins"),
    "masked": (matrix, TypeError, "must be a plain numpy.ndarray, got numpy.ma"),
    "strided": (strided, ValueError, r"strides \(16,\)"),
    "reversed": (lambda values: values[::-1], ValueError, r"strides \(-8,\)"),
    "stride 0": (broadcast, ValueError, r"strides \(0,\)"),
    "misaligned": (misaligned, ValueError, "is not aligned"),
    "byteswapped": (byteswapped, TypeError, "foreign byte order"),
    **{
        dtype: (lambda values, dtype=dtype: np.zeros(values.shape, dtype), TypeError, "has dtype")
        for dtype in DTYPES_REFUSED
    },
}


@pytest.mark.parametrize("fault", FAULTS)
def test_bad_parameters(fault: str) -> None:
    make, error, text = FAULTS[fault]
    with pytest.raises(error, match=rf"^AdamW: parameter 1 .*{text}"):
        op.AdamW([np.ones(3), make(np.ones(5))])
    optimizer = op.AdamW([np.ones(3)])
    before = Snapshot(optimizer)
    with pytest.raises(error, match=rf"^AdamW: parameter 1 \('w'\) .*{text}"):
        optimizer.add_param_group({"params": {"w": make(np.ones(5))}})
    before.assert_unchanged()
    assert len(optimizer.param_groups) == 1


@pytest.mark.parametrize("fault", FAULTS)
def test_bad_gradients(fault: str) -> None:
    make, error, text = FAULTS[fault]
    optimizer = op.AdamW({"a": np.ones(3), "b": np.ones(5)})
    before = Snapshot(optimizer)
    for gradients in ([np.ones(3), make(np.ones(5))], {"a": np.ones(3), "b": make(np.ones(5))}):
        with pytest.raises(error, match=rf"^step: (array 0 of )?gradient 1 \('b'\) .*{text}"):
            optimizer.step(gradients)
        before.assert_unchanged()


@pytest.mark.parametrize("make", [read_only, broadcast, lambda values: np.frombuffer(values.tobytes())])
def test_read_only_parameters_are_refused(make: Callable[[Array], Array]) -> None:
    with pytest.raises(ValueError, match=r"^AdamW: parameter 0 (is read-only|is not contiguous)"):
        op.AdamW([make(np.ones(5))])


def test_read_only_gradients_are_fine() -> None:
    param, twin = np.ones(5), np.ones(5)
    op.AdamW([param]).step([read_only(np.arange(5.0))])
    op.AdamW([twin]).step([np.arange(5.0)])
    assert_same_bits([param], [twin])


def test_a_parameter_made_read_only_later_is_refused_at_the_step() -> None:
    params = [np.ones(3), np.ones(5)]
    optimizer = op.AdamW(params)
    params[1].flags.writeable = False
    before = Snapshot(optimizer)
    with pytest.raises(ValueError, match="^step: parameter 1 is read-only"):
        optimizer.step([np.ones(3), np.ones(5)])
    before.assert_unchanged()


@pytest.mark.parametrize(
    ("shape", "wrong"), [((5,), (5, 1)), ((2, 3), (3, 2)), ((4,), ()), ((6,), (5,)), ((0,), (0, 5))]
)
def test_shapes_must_agree(shape: tuple[int, ...], wrong: tuple[int, ...]) -> None:
    optimizer = op.AdamW([np.ones(2), np.ones(shape)])
    before = Snapshot(optimizer)
    with pytest.raises(ValueError, match=re.escape(f"step: gradient 1 has shape {wrong}, its parameter has {shape}")):
        optimizer.step([np.ones(2), np.ones(wrong)])
    before.assert_unchanged()


FLOATS = ["float32", "float64", "float16", "bfloat16"]


@pytest.mark.parametrize("gradient", FLOATS)
@pytest.mark.parametrize("param", FLOATS)
def test_dtypes_of_gradients(param: str, gradient: str) -> None:
    """That of the parameter or float32; those of 16 bits for float32 parameters."""
    params, gradients = ([np.ones(5, dtype_of(name)) for _ in range(2)] for name in (param, gradient))
    optimizer = op.SGD(params, lr=0.5)
    before = Snapshot(optimizer)
    if gradient in (param, "float32") or (param == "float32" and gradient != "float64"):
        optimizer.step(gradients)
        assert all((array == 0.5).all() for array in params)
    else:
        for call in (optimizer.step, optimizer.bind_gradients):
            with pytest.raises(TypeError, match=f"gradient 1 has dtype {gradient}, its parameter has {param}; pass "):
                call([params[0].copy(), gradients[1]])
        before.assert_unchanged()


def test_fortran_order(rng: np.random.Generator) -> None:
    values, gradient = spread(rng, (3, 5), np.float64), spread(rng, (3, 5), np.float64)
    c_param, f_param = values.copy(), np.asfortranarray(values)
    c_optimizer, f_optimizer = op.AdamW([c_param]), op.AdamW([f_param])
    c_optimizer.step([gradient])
    f_optimizer.step([np.asfortranarray(gradient)])
    assert_same_bits([np.ascontiguousarray(f_param)], [c_param])
    before = Snapshot(f_optimizer)
    with pytest.raises(ValueError, match="another order than its parameter.*np.asfortranarray"):
        f_optimizer.step([gradient])
    before.assert_unchanged()
    with pytest.raises(ValueError, match="another order than its parameter.*np.ascontiguousarray"):
        c_optimizer.step([np.asfortranarray(gradient)])


@pytest.mark.parametrize("rule", RULES)
def test_empty_and_0_dimensional(rule: str) -> None:
    params = [np.ones((0,)), np.ones((0, 5)), np.array(1.0), np.ones((1, 1))]
    optimizer = build(rule, params)
    for _ in range(3):
        optimizer.step([np.full_like(param, 0.5) for param in params])
    assert params[2][()] == params[3][0, 0] != 1.0


def test_memory_maps(tmp_path: Any, rng: np.random.Generator) -> None:
    values, gradient = spread(rng, 1000, np.float32), spread(rng, 1000, np.float32)
    values.tofile(tmp_path / "params")
    mapped = np.memmap(tmp_path / "params", np.float32, "r+")
    op.AdamW([mapped]).step([gradient])
    op.AdamW([values]).step([gradient])
    mapped.flush()
    assert_same_bits([np.fromfile(tmp_path / "params", np.float32)], [values])
    with pytest.raises(ValueError, match="is read-only"):
        op.AdamW([np.memmap(tmp_path / "params", np.float32, "r")])


def test_shared_memory_is_refused() -> None:
    memory = np.ones(10)
    for params in ([memory, memory], [memory[:6], memory[5:]], [memory, memory[3:4]]):
        with pytest.raises(ValueError, match=r"^AdamW: parameter 0 and parameter 1 share memory"):
            op.AdamW(params)
    with pytest.raises(ValueError, match="share memory"):
        op.AdamW([{"params": [memory]}, {"params": [memory[9:]]}])
    optimizer = op.AdamW([memory[:5]])
    with pytest.raises(ValueError, match="share memory"):
        optimizer.add_param_group({"params": memory[4:]})
    assert len(optimizer.param_groups) == 1
    optimizer.add_param_group({"params": memory[5:]})
    optimizer.step([np.ones(5), np.ones(5)])


def test_gradients_must_not_overlap_what_is_written() -> None:
    memory = np.ones(10)
    optimizer = op.AdamW([memory[:6], np.ones(4)])
    before = Snapshot(optimizer)
    for gradient in (memory[:6], memory[4:], memory[5:], optimizer.state[0]["exp_avg"]):
        if gradient.size == 6:
            with pytest.raises(ValueError, match="gradient 0 shares memory with (parameter|exp_avg) 0"):
                optimizer.step([gradient, np.ones(4)])
        before.assert_unchanged()
    same = np.ones(6)
    op.AdamW([np.ones(6), np.ones(6)]).step([same, same])


def test_state_in_a_function_must_fit() -> None:
    p, g, m, v = (np.ones(4) for _ in range(4))
    adamw_: Any = op.functional.adamw_  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match=r"^adamw_: exp_avg_sq has shape \(3,\)"):
        adamw_(p, g, m, v[:3], step=1)
    with pytest.raises(ValueError, match="^adamw_: .* share memory"):
        adamw_(p, g, m, m, step=1)
    with pytest.raises(ValueError, match=r"^adamw_: gradient has shape \(3,\), its parameter has \(4,\)"):
        adamw_(p, g[:3], m, v, step=1)
    with pytest.raises(TypeError, match="has dtype float32"):
        adamw_(p, g, m, v.astype(np.float32), step=1)
    assert all((array == 1).all() for array in (p, g, m, v))


def test_resizing_under_the_optimizer() -> None:
    param = np.ones(5)
    optimizer = op.AdamW([param])
    with pytest.raises(ValueError, match="resize"):
        param.resize(5000)
    param.resize(5000, refcheck=False)
    with pytest.raises(ValueError, match="^step: parameter 0 has changed its memory"):
        optimizer.step([np.ones(5000)])
    assert int(optimizer.state[0]["step"]) == 0


@pytest.mark.filterwarnings("ignore:Setting the shape:DeprecationWarning")
def test_reshaping_under_the_optimizer() -> None:
    param = np.ones(6)
    optimizer = op.AdamW([param])
    param.shape = (2, 3)
    with pytest.raises(ValueError, match=r"^step: state of parameter 0 has shape"):
        optimizer.step([np.ones((2, 3))])


def test_liars_are_not_asked() -> None:
    class Liar:
        __array_interface__ = {"shape": (10**9,), "typestr": "<f8", "data": (1, False), "version": 3}

        def __array__(self) -> Array:
            raise AssertionError("asked")

    with pytest.raises(TypeError, match="must be a plain numpy.ndarray"):
        op.AdamW([Liar()])  # type: ignore[list-item]
    with pytest.raises(TypeError, match="must be a plain numpy.ndarray"):
        op.AdamW([np.ones(3)]).step([Liar()])  # type: ignore[list-item]


def test_many_tiny_parameters() -> None:
    params = [np.array([float(index)]) for index in range(20_000)]
    optimizer = op.SGD(params, lr=1.0)
    optimizer.step([np.ones(1)] * len(params))
    assert all(param[0] == index - 1 for index, param in enumerate(params))


def test_arrays_outlive_their_names() -> None:
    optimizer = op.AdamW([np.ones(100_000)])
    optimizer.bind_gradients([np.ones(100_000)])
    for _ in range(3):
        optimizer.step()
    assert np.isfinite(optimizer.params[0]).all()


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
def test_the_native_order_asked_for_by_name_is_native(dtype: str) -> None:
    """NumPy keeps the letter: `np.dtype("f4").newbyteorder("<")` is not written as `"="`."""
    plain = dtype_of(dtype)
    named = plain.newbyteorder({"little": "<", "big": ">"}[sys.byteorder])
    assert named.isnative
    one, other = ({"w": np.ones((4, 2), kind)} for kind in (plain, named))
    gradient, rows = np.full((4, 2), 0.5, named), np.array([1, 3], np.dtype("i4").newbyteorder(named.byteorder))
    for params in (one, other):
        opt = op.Adagrad(params)
        opt.step({"w": gradient})
        opt.step({"w": op.SparseRows(rows, gradient[:2])})
    assert_same_bits(one.values(), other.values())
