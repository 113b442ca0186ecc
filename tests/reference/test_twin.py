"""Does the twin follow every option, with the results that one computes by hand?"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from cases import arrays_of, assert_same_bits, dtype_of, spread

import onepass as op
from onepass.arrays import Array
from onepass.reference import Twin


def floats(*values: float) -> Array:
    return np.array(values, np.float32)


def sgd(*params: Array, **options: Any) -> Twin:
    """Steps of SGD subtract the gradient."""
    return Twin(op.SGD(list(params) or [floats(0, 0)], lr=1.0, **options))


# Beside the optimizer


@pytest.mark.parametrize("rounding", ["nearest", "stochastic", "kahan"])
@pytest.mark.parametrize("zeros", [(p, g) for p in (0.0, -0.0) for g in (0.0, -0.0)], ids=str)
def test_zeros_have_the_sign_of_the_kernels(zeros: tuple[float, float], rounding: Any) -> None:
    param, gradient = np.full(40, zeros[0], np.float16), np.full(40, zeros[1], np.float16)
    for rule in ("Adagrad", "SGD"):
        optimizer = op.create(rule, [param.copy()], lr=0.5, rounding=rounding)
        twin = Twin(optimizer)
        optimizer.step([gradient])
        twin.step([gradient])
        assert twin.has_bits_of(optimizer)
        if rule == "SGD" and rounding != "kahan":  # a compensation of 0 added to -0 is 0
            assert optimizer.params[0].tobytes() == (param - np.float16(0.5) * gradient).tobytes()


@pytest.mark.parametrize(
    ("optimizer_class", "options"),
    [
        (op.SGD, {"maximize": True, "weight_decay": 0.1}),
        (op.SGD, {"momentum": 0.9, "nesterov": True}),
        (op.RMSprop, {"centered": True, "momentum": 0.5}),
        (op.NAdam, {"decoupled_weight_decay": True, "weight_decay": 0.1}),
        (op.ASGD, {"t0": 1.0}),
    ],
)
def test_every_hyperparameter_is_followed(
    optimizer_class: type[op.Optimizer], options: dict[str, float], rng: np.random.Generator
) -> None:
    params = [spread(rng, (5, 7), np.float32), spread(rng, 3, np.float32)]
    groups = [{"params": [param], "lr": lr} for param, lr in zip(params, (0.05, 0.1), strict=True)]
    optimizer = optimizer_class(groups, **options)
    twin = Twin(optimizer)
    for step in range(1, 5):
        for group in (optimizer.param_groups[1], twin.groups[1]):
            group["lr"] = 0.1 / step
        gradients = [spread(rng, param.shape, np.float32) for param in params]
        assert optimizer.step(gradients) == twin.step(gradients)
    assert twin.has_bits_of(optimizer)
    assert_same_bits(twin.arrays(), arrays_of(optimizer))


def test_a_twin_starts_as_the_optimizer_stands_and_goes_its_own_way() -> None:
    optimizer = op.Momentum([floats(1, 2)], lr=0.5, mirror="float32", ema=True, accumulate=2)
    for _ in range(3):
        optimizer.step([floats(1, 1)])
    twin = Twin(optimizer)
    assert twin.has_bits_of(optimizer)
    assert not any(np.shares_memory(*pair) for pair in zip(twin.arrays(), arrays_of(optimizer), strict=True))
    before = [array.copy() for array in arrays_of(optimizer)]
    twin.groups[0]["lr"] = 0.25
    assert twin.step([floats(1, 1)]).pending == 0
    assert_same_bits(arrays_of(optimizer), before)
    assert optimizer.param_groups[0]["lr"] == 0.5
    assert not twin.has_bits_of(optimizer)


@pytest.mark.parametrize("what", ["param", "momentum_buffer", "mirror"])
def test_one_bit_makes_a_difference(what: str) -> None:
    optimizer = op.Momentum([floats(1, 2, 3)], mirror="float32")
    twin = Twin(optimizer)
    for each in (optimizer, twin):
        each.step([floats(1, 1, 1)])
    assert twin.has_bits_of(optimizer)
    arrays = {"param": optimizer.params[0], "mirror": optimizer.mirror[0], **optimizer.state[0]}  # type: ignore[index]
    arrays[what][1] = np.nextafter(arrays[what][1], np.float32(9))
    assert not twin.has_bits_of(optimizer)


@pytest.mark.parametrize("shape", [(70, 90), (2, 3, 1200), (1, 5000)])
@pytest.mark.parametrize("state_dtype", ["float32", "float16", "float8"])
def test_the_order_in_memory_decides(shape: tuple[int, ...], state_dtype: str, rng: np.random.Generator) -> None:
    """A Fortran array is treated as its transpose is, which has the same memory."""
    values, gradient = spread(rng, shape, np.float32), spread(rng, shape, np.float32)
    options = {"state_dtype": state_dtype, "clip_norm": 1.0, "mirror": "float16", "ema": True}
    fortran = Twin(op.AdamW([np.asfortranarray(values)], **options))
    transposed = Twin(op.AdamW([np.ascontiguousarray(values.T)], **options))
    for _ in range(2):
        record = fortran.step([np.asfortranarray(gradient)])
        assert record == transposed.step([np.ascontiguousarray(gradient.T)])
    assert_same_bits([array.T if array.ndim > 1 else array for array in fortran.arrays()], transposed.arrays())


def test_empty_and_0_dimensional_parameters() -> None:
    params = [np.ones((0, 5), np.float32), np.array(1, np.float32), np.float32([[1]])]
    twin = Twin(op.AdamW(params, lr=0.5, state_dtype="float16", clip_norm=1.0, mirror="float16", ema=True))
    for _ in range(2):
        twin.step([np.full_like(param, 0.5) for param in params])
    assert twin.params[1][()] == twin.params[2][0, 0] < 0.5
    assert [int(state["ema_count"]) for state in twin.states] == [2, 2, 2]


# Gradients


def test_gradients_are_unscaled_and_clipped() -> None:
    twin = sgd(clip_value=2.0)
    twin.step([floats(4, -32)], grad_scale=4.0)
    assert twin.params[0].tolist() == [-1, 2]
    twin.step([floats(4, -32)], clip_value=None)
    assert twin.params[0].tolist() == [-5, 34]


def test_the_norm_is_of_all_gradients() -> None:
    twin = sgd(floats(0), floats(0), floats(0), clip_norm=10.0)
    record = twin.step([floats(6), None, floats(8)], grad_scale=2.0)
    assert (record.grad_norm, record.clip_coefficient, record.skipped) == (5.0, 1.0, False)
    record = twin.step([floats(3), None, floats(4)], clip_norm=2.5)
    assert (record.grad_norm, record.clip_coefficient) == (5.0, 2.5 / (5.0 + 1e-6))
    np.testing.assert_allclose(np.concatenate(twin.params), [-4.5, 0, -6], rtol=1e-6)
    record = twin.step([floats(math.nan), None, None])
    assert math.isnan(record.grad_norm or 0)
    assert np.isnan(twin.params[0])
    record = twin.step([None, floats(3), None], clip_norm=None)
    assert (record.grad_norm, record.clip_coefficient) == (None, None)


def test_maximize_with_a_scale() -> None:
    twin = sgd(maximize=True, grad_scale=2.0)
    twin.step([floats(4, -8)])
    assert twin.params[0].tolist() == [2, -4]


@pytest.mark.parametrize("special", [math.nan, math.inf])
def test_a_step_with_a_gradient_that_is_not_finite_is_skipped(special: float) -> None:
    """Also where clipping would make it finite; zero_grad acts all the same."""
    optimizer = op.AdamW([floats(1), floats(2)], skip_nonfinite=True, clip_value=1.0, ema=True, mirror="float16")
    twin, gradients = Twin(optimizer), [floats(1), floats(special)]
    record = twin.step(gradients, zero_grad=True)
    assert record.skipped
    assert record.grad_norm is not None
    assert twin.has_bits_of(optimizer)
    assert [gradient.tolist() for gradient in gradients] == [[0], [0]]
    assert not twin.step([floats(1), floats(1)]).skipped


@pytest.mark.parametrize("found_inf", [1, 0.5, True, math.nan, np.array([1.0], np.float32), np.array(True)], ids=str)
def test_found_inf_skips(found_inf: Any) -> None:
    twin = sgd()
    assert twin.step([floats(1, 1)], found_inf=found_inf).skipped
    assert not twin.step([floats(1, 1)], found_inf=np.zeros_like(found_inf)).skipped
    assert twin.params[0].tolist() == [-1, -1]


def test_gradients_are_accumulated() -> None:
    twin = sgd(floats(0), floats(0), floats(0), accumulate=2)
    for _ in range(2):
        assert twin.step([floats(8), floats(4), None], grad_scale=4.0).pending == 1
        record = twin.step([floats(4), None, None])
        assert (record.pending, record.skipped) == (0, False)
    assert [param.tolist() for param in twin.params] == [[-6], [-1], [0]]
    assert [int(state["step"]) for state in twin.states] == [2, 2, 0]
    assert not any(state["grad_count"] for state in twin.states)
    twin.step([floats(1), None, None], found_inf=1)
    assert twin.step([floats(1), None, None]).skipped  # what was found stays in the sum
    twin.step([floats(1), None, None])
    assert not twin.step([floats(1), None, None]).skipped
    assert twin.params[0].tolist() == [-7]


@pytest.mark.parametrize(("param", "gradient"), [("f4", "f2"), ("f8", "f4"), ("f2", "f4")])
def test_gradients_of_another_dtype(param: str, gradient: str) -> None:
    twin = sgd(np.zeros(2, param))
    twin.step([np.array([0.5, -2], gradient)])
    assert twin.params[0].tolist() == [-0.5, 2]


# Storage


@pytest.mark.parametrize("rounding", ["nearest", "stochastic", "kahan"])
def test_small_updates_of_narrow_parameters(rounding: str) -> None:
    bfloat16 = dtype_of("bfloat16")
    twin = sgd(np.ones(4096, bfloat16), rounding=rounding)
    for _ in range(100):
        twin.step([np.full(4096, -(2.0**-10), bfloat16)])
    result = twin.params[0].astype(np.float32)
    if rounding == "nearest":
        assert (result == 1).all()
    elif rounding == "kahan":
        assert (result == np.float32(1 + 100 * 2.0**-10).astype(bfloat16).astype(np.float32)).all()
        assert result[0] + twin.states[0]["compensation"][0].astype(np.float32) == 1 + 100 * 2.0**-10
    else:
        assert result.mean() == pytest.approx(1 + 100 * 2.0**-10, rel=1e-3)
        assert np.unique(result).size > 2


def test_compensation_of_numbers_that_are_not_finite_is_zero() -> None:
    twin = sgd(np.array([1, 6e4, 1], np.float16), rounding="kahan")
    twin.step([np.array([math.nan, -6e4, math.inf], np.float16)])
    assert repr(twin.params[0].tolist()) == "[nan, inf, -inf]"
    assert twin.states[0]["compensation"].tolist() == [0, 0, 0]


def test_bits_depend_on_seed_position_and_step_alone() -> None:
    def second_moments(seed: int, params: int, rounding: str = "stochastic") -> list[Array]:
        arrays = [np.ones(5000, np.float32) for _ in range(params)]
        twin = Twin(op.AdamW(arrays, state_dtype="float8", seed=seed, state_rounding=rounding))
        twin.step([np.full(5000, 0.3, np.float32) for _ in range(params)])
        return [state["exp_avg_sq"] for state in twin.states]

    first, second = second_moments(0, 2)
    assert (first == second_moments(0, 1)[0]).all()
    for other in (second, second_moments(1, 1)[0]):
        assert 0.1 < (first != other).mean() < 0.9
    assert np.unique(second_moments(0, 1, "nearest")[0]).size == 1


def test_subnormal_state_is_flushed() -> None:
    for flush, expected in ((False, 2.0**-127), (True, 0.0)):
        twin = Twin(op.Momentum([floats(0)], flush_subnormals=flush))
        twin.step([floats(2.0**-127)])
        assert twin.states[0]["momentum_buffer"].tolist() == [expected]


# What follows the parameters


def test_averages() -> None:
    fading, mean = sgd(floats(0), ema=True, ema_decay=0.75), sgd(floats(0), ema=True, ema_decay=None)
    for gradient, faded, averaged in ((-4, 4, 4), (-4, 5, 6), (-4, 6.75, 8), (None, 8.0625, 9)):
        for twin, expected in ((fading, faded), (mean, averaged)):
            twin.step([None if gradient is None else floats(gradient)])
            assert twin.states[0]["ema"].tolist() == [expected]
    fading.step([floats(1)], ema=False)
    fading.step([floats(1)], found_inf=1)
    assert fading.states[0]["ema"].tolist() == [8.0625]
    assert fading.states[0]["ema_count"] == 4


def test_mirrors() -> None:
    twin = sgd(floats(0), np.zeros(1), mirror="float16")
    assert twin.mirror is not None
    twin.step([floats(-1 - 2.0**-11), np.array([-1 - 2.0**-11 - 2.0**-40])])
    assert [mirror.tolist() for mirror in twin.mirror] == [[1], [1]]  # a double is rounded to single precision first
    twin.step([floats(1), None], mirror=False)
    assert twin.mirror[0].tolist() == [1]


def test_gradients_by_name(rng: np.random.Generator) -> None:
    opt = op.SGD({"a": np.zeros(3), "b": np.zeros(2)}, lr=0.1)
    twin = op.reference.Twin(opt)
    for each in (opt, twin):
        each.step({"b": np.ones(2), "a": None})
    assert twin.has_bits_of(opt)


def test_rows_of_no_elements() -> None:
    opt = op.SGD([np.zeros((3, 0))], lr=0.1)
    twin = op.reference.Twin(opt)
    for each in (opt, twin):
        each.step([op.SparseRows(np.array([1, 1, 2]), np.zeros((3, 0)))])
    assert twin.has_bits_of(opt)
