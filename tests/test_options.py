"""What every optimizer can do beside its formula: refused by name, kept by copies and files, and worth its while."""

from __future__ import annotations

import copy
import inspect
import itertools
import math
import pickle
import resource
import sys
import tracemalloc
from collections.abc import Callable
from dataclasses import FrozenInstanceError, fields
from typing import Any, get_type_hints

import numpy as np
import pytest
from cases import Snapshot, arrays_of, assert_same_bits, dtype_of, shown, spread

import onepass as op
from onepass.arrays import Array
from onepass.formats import decode_slot
from onepass.optimizer import Optimizer
from onepass.optimizer.options import StepOptions

pytest.importorskip("ml_dtypes")

STATE_DTYPES = ["float32", "bfloat16", "float16", "float8"]
NAMES = [field.name for field in fields(op.Options)]
STEP_NAMES = list(get_type_hints(StepOptions))


def floats(*values: float) -> Array:
    return np.array(values, np.float32)


def is_same(one: Optimizer, other: Optimizer) -> bool:
    return [array.tobytes() for array in arrays_of(one)] == [array.tobytes() for array in arrays_of(other)]


# Values

NOT_FLAGS: list[Any] = [0, 1, "yes", None, np.array(True)]
NOT_NUMBERS: list[Any] = ["1", True, 1j, [1.0], np.ones(1)]
NOT_POSITIVE: list[Any] = [*NOT_NUMBERS, 0, -1, math.nan, -math.inf]

BAD: dict[str, list[Any]] = {
    "state_dtype": ["float", "bf16", "", 16, True, np.float32],
    "state_rounding": ["kahan", "", None, True],
    "rounding": ["up", "", None, 0],
    "seed": [-1, 2**64, 1.0, True, "1", None],
    "flush_subnormals": NOT_FLAGS,
    "grad_scale": [*NOT_POSITIVE, math.inf, None],
    "clip_value": NOT_POSITIVE,
    "clip_norm": NOT_POSITIVE,
    "skip_nonfinite": NOT_FLAGS,
    "zero_grad": NOT_FLAGS,
    "ema": ["yes", 0, 1, 0.5, {0.5}, iter([floats(1)])],
    "ema_decay": [*NOT_NUMBERS, -0.1, 1.1, math.nan, math.inf],
    "mirror": ["float64", "float8", "", True, 0, {0.5}, np.float16],
    "accumulate": [0, -1, 2**31, 1.0, True, "2", None],
    "accumulate_sum": ["list", "", None, True, 2],
    "threads": [0, -1, 1025, 1.0, True, "2"],
}
GOOD: dict[str, list[Any]] = {
    "seed": [0, 2**64 - 1, np.int64(3)],
    "grad_scale": [1, 1e-30, np.float32(65536), np.array(0.5)],
    "clip_value": [None, math.inf, 1, 1e-30],
    "clip_norm": [None, math.inf, 1, 1e-30],
    "ema": [None, False, True, np.True_],
    "ema_decay": [None, 0, 1, 0.5],
    "mirror": [None, False, np.False_, "float16"],
    "accumulate": [1, np.int32(2), 2**31 - 1],
    "threads": [None, 1, np.int32(2), 1024],
}


@pytest.mark.parametrize("name", NAMES)
def test_bad_values_are_refused_by_name(name: str) -> None:
    param, gradient = floats(1, 2), floats(3, 4)
    optimizer = op.AdamW([param], ema=True, mirror="float16")
    optimizer.step([gradient])
    before = Snapshot(optimizer)
    for value in BAD[name]:
        with pytest.raises((TypeError, ValueError), match=f"^AdamW: {name} must be "):
            op.AdamW([param], **{name: value})
    for value in NOT_FLAGS if name in ("ema", "mirror") else BAD[name]:
        if name in STEP_NAMES:
            with pytest.raises((TypeError, ValueError), match=f"^step: {name} must be "):
                optimizer.step([gradient], **{name: value})
    before.assert_unchanged()
    assert gradient.tolist() == [3, 4]


@pytest.mark.parametrize("name", GOOD)
def test_good_values_are_kept(name: str) -> None:
    for value in GOOD[name]:
        kept = getattr(op.SGD([floats(1)], **{name: value}).options, name)
        assert kept == (value not in (None, False) if name in ("ema", "mirror") else value)
        assert type(kept) in (bool, int, float, type(None))


def test_every_option_is_documented() -> None:
    attributes = (inspect.getdoc(op.Options) or "").partition("Attributes:")[2]
    assert [name for name in NAMES if f"\n    {name}: " not in attributes] == []


def test_options_are_fixed() -> None:
    optimizer = op.SGD([floats(1)], seed=3)
    with pytest.raises(FrozenInstanceError):
        optimizer.options.seed = 4  # type: ignore[misc]
    with pytest.raises(AttributeError):
        optimizer.mirror = []  # type: ignore[misc]


def test_unknown_names_are_told_the_known_ones() -> None:
    optimizer = op.AdamW([floats(1)])
    before = Snapshot(optimizer)
    with pytest.raises(TypeError) as built:
        op.AdamW([floats(1)], learning_rate=0.1, clipnorm=1.0)
    hypers = ", ".join(optimizer.param_groups[0].hyperparameters())
    assert str(built.value) == (
        f"AdamW: there is no 'clipnorm', 'learning_rate'; the hyper-parameters are {hypers}; "
        f"the options are {', '.join(NAMES)}"
    )
    for name in ("clipnorm", *(set(NAMES) - set(STEP_NAMES))):
        with pytest.raises(TypeError) as stepped:
            optimizer.step([floats(1)], **{name: 1})
        assert str(stepped.value) == f"step: there is no '{name}'; the options of a step are {', '.join(STEP_NAMES)}"
    with pytest.raises(TypeError, match="unknown hyper-parameter 'clip_norm' in a parameter group"):
        op.AdamW([{"params": [floats(1)], "clip_norm": 1.0}])
    before.assert_unchanged()


# What applies to no parameter is a misunderstanding.


@pytest.mark.parametrize(
    ("dtypes", "options", "text"),
    [
        *((["float64"] * 2, {"state_dtype": name}, "16 or 32 bits") for name in STATE_DTYPES),
        (["float32", "float16"], {"state_dtype": "float64"}, "float64 parameters, and there is none"),
        *((["float32", "float64"], {"rounding": name}, "float16 and bfloat16") for name in ("kahan", "stochastic")),
    ],
    ids=shown,
)
def test_idle_options_are_refused(dtypes: list[str], options: dict[str, str], text: str) -> None:
    ((name, value),) = options.items()
    with pytest.raises(ValueError, match=f"^AdamW: {name}='{value}' is for .*{text}"):
        op.AdamW([np.ones(3, dtype) for dtype in dtypes], **options)


@pytest.mark.parametrize("state_dtype", [None, "float64", *STATE_DTYPES])
def test_options_apply_where_they_can(state_dtype: str | None) -> None:
    params = [np.ones(5000, dtype_of(name)) for name in ("float64", "float32", "float16", "bfloat16")]
    states = op.AdamW(params, state_dtype=state_dtype, rounding="kahan").state
    stored = {None: "float32", "float64": "float32", "float8": "uint8"}.get(state_dtype, state_dtype)
    assert [state["exp_avg"].dtype.name for state in states] == ["float64", stored, stored, stored]
    assert ["compensation" in state for state in states] == [False, False, True, True]


def test_bfloat16_comes_with_a_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ml_dtypes", None)
    for name in ("state_dtype", "mirror"):
        with pytest.raises(ModuleNotFoundError, match=r'^AdamW: bfloat16 needs .* pip install "onepass\[bf16\]"'):
            op.AdamW([floats(1)], **{name: "bfloat16"})
        op.AdamW([floats(1)], **{name: "float16"})


def test_small_parameters_keep_float32_for_float8() -> None:
    small, large = op.AdamW([floats(*range(4095)), floats(*range(4096))], state_dtype="float8").state
    assert list(small) == ["step", "exp_avg", "exp_avg_sq"]
    assert small["exp_avg"].dtype == np.float32
    assert list(large) == ["step", "exp_avg", "exp_avg_scale", "exp_avg_sq", "exp_avg_sq_scale"]
    assert (large["exp_avg"].dtype, large["exp_avg_scale"].dtype) == (np.uint8, np.float32)
    assert large["exp_avg_scale"].shape == (16,)


def test_float8_keeps_two_bytes_for_an_element() -> None:
    (state,) = op.AdamW([np.ones(2**16, np.float32)], state_dtype="float8").state
    assert sum(array.nbytes for array in state.values() if array.ndim) / 2**16 == 2.03125


@pytest.mark.parametrize("state_dtype", STATE_DTYPES)
def test_state_starts_from_where_it_should(state_dtype: str) -> None:
    (state,) = op.Adagrad(
        [np.ones((70, 70), np.float32, "F")], state_dtype=state_dtype, initial_accumulator_value=0.3
    ).state
    decoded = decode_slot(state["sum"].ravel("K"), "second_moment", np.dtype(np.float32), state.get("sum_scale"))
    assert np.unique(decoded).size == 1
    bound = {"float32": 2.0**-24, "bfloat16": 2.0**-8, "float16": 2.0**-10, "float8": 1 / 17}
    assert decoded[0] == pytest.approx(0.3, rel=bound[state_dtype])


# Options of a single step

CHANGES = {
    "grad_scale": 4.0,
    "clip_value": 0.5,
    "clip_norm": 0.25,
    "skip_nonfinite": True,
    "zero_grad": True,
    "ema_decay": None,
}


@pytest.mark.parametrize("name", CHANGES)
def test_an_option_of_a_step_is_that_of_the_optimizer_for_once(name: str) -> None:
    change, usual = {name: CHANGES[name]}, {name: getattr(op.Options(), name)}

    def outcome(options: dict[str, Any], *steps: dict[str, Any]) -> list[bytes]:
        rng = np.random.default_rng(4)
        optimizer = op.Momentum([spread(rng, 50, np.float32)], ema=True, **options)
        gradients = [spread(rng, 50, np.float32) for _ in steps]
        gradients[1][7] = math.nan if name == "skip_nonfinite" else 1
        records = [optimizer.step([gradient], **more) for gradient, more in zip(gradients, steps, strict=True)]
        return [array.tobytes() for array in (*arrays_of(optimizer), *gradients)] + [repr(records).encode()]

    for_once = outcome({}, {}, change, {})
    assert for_once == outcome(change, usual, {}, usual)
    assert for_once != outcome({}, {}, {}, {})
    assert for_once != outcome({}, {}, change, change)


def test_average_and_mirror_may_be_left_alone_for_a_step() -> None:
    optimizer = op.SGD([floats(0)], lr=1.0, ema=True, mirror="float16")
    assert optimizer.ema is not None
    assert optimizer.mirror is not None
    optimizer.step([floats(-1)], ema=False, mirror=False)
    assert (optimizer.ema[0].item(), optimizer.mirror[0].item()) == (0, 0)
    optimizer.step([floats(-1)], ema=True, mirror=True)
    assert (optimizer.ema[0].item(), optimizer.mirror[0].item()) == (2, 2)
    for name in ("ema", "mirror"):
        with pytest.raises(ValueError, match=f"^step: {name} must be given to the optimizer"):
            op.SGD([floats(0)]).step([floats(1)], **{name: True})
        assert getattr(op.SGD([floats(0)]), name) is None


@pytest.mark.parametrize(
    ("found_inf", "skipped"),
    [
        *((none, False) for none in (None, 0, 0.0, -0.0, False, np.float32(0), np.array(0.0), np.array([0.0]), [0])),
        *((some, True) for some in (1, 0.5, -1, True, math.nan, math.inf, np.array([1.0]), np.array([[True]]))),
    ],
    ids=shown,
)
def test_anything_but_zero_that_was_found_skips(found_inf: Any, skipped: bool) -> None:
    optimizer, gradient = op.AdamW([floats(1)], zero_grad=True), floats(1)
    before = copy.deepcopy(optimizer)
    assert optimizer.step([gradient], found_inf=found_inf) == op.StepRecord(skipped=skipped)
    assert is_same(before, optimizer) == skipped
    assert gradient == 0


@pytest.mark.parametrize(
    "found_inf", ["0", b"0", [], [0, 0], np.zeros(2), 1j, {}, object(), np.array(["0"])], ids=shown
)
def test_what_was_found_must_be_one_number(found_inf: Any) -> None:
    optimizer, gradient = op.AdamW([floats(1)], accumulate=2), floats(1)
    before = Snapshot(optimizer)
    with pytest.raises(TypeError, match=r"^step: found_inf must be a number or an array of one, got "):
        optimizer.step([gradient], found_inf=found_inf, zero_grad=True)
    before.assert_unchanged()
    assert gradient == 1


def test_what_was_found_spoils_the_round() -> None:
    optimizer = op.SGD([floats(0)], lr=1.0, accumulate=3)
    records = [optimizer.step([floats(1)], found_inf=found) for found in (0, 1, 0, 0, 0, 0)]
    assert [record.pending for record in records] == [1, 2, 0, 1, 2, 0]
    assert [record.skipped for record in records] == [False, False, True, False, False, False]
    assert optimizer.params[0] == -1


def test_gradients_are_set_to_zero() -> None:
    """By every call: also by one that is skipped, or that waits for others."""
    optimizer = op.SGD([floats(0), floats(0)], lr=1.0, zero_grad=True, accumulate=2, skip_nonfinite=True)
    for value, expected in ((-1, 0), (-3, 2), (math.inf, 2), (1, 2)):
        gradients = [floats(value), None]
        optimizer.step(gradients)
        assert gradients[0] == 0
        assert not np.signbit(gradients[0])
        assert optimizer.params[0] == expected


def shared_gradients() -> dict[str, tuple[list[Array | None], str]]:
    memory, read_only = np.ones(7, np.float32), np.ones(4, np.float32)
    read_only.flags.writeable = False
    return {
        "read-only": ([np.ones(4, np.float32), read_only], "gradient 1 is read-only, but zero_grad=True"),
        "twice": ([memory[:4], memory[:4]], "gradients 0 and 1 share memory, but zero_grad=True"),
        "overlapping": ([memory[3:], memory[:4]], "gradients 1 and 0 share memory, but zero_grad=True"),
    }


@pytest.mark.parametrize("case", shared_gradients())
def test_gradients_that_cannot_be_set_to_zero(case: str) -> None:
    gradients, text = shared_gradients()[case]
    optimizer = op.AdamW([np.ones(4, np.float32), np.ones(4, np.float32)])
    before = Snapshot(optimizer)
    for _ in range(2):
        with pytest.raises(ValueError, match=f"^step: {text}"):
            optimizer.step(gradients, zero_grad=True)
    before.assert_unchanged()
    assert all((gradient == 1).all() for gradient in gradients if gradient is not None)
    optimizer.step(gradients)
    optimizer.step([gradients[0], None], zero_grad=True)


def test_schedules_wait_for_a_step_that_is_made() -> None:
    optimizer = op.SGD([floats(0)], lr=1.0, accumulate=2, skip_nonfinite=True)
    op.schedules.ExponentialLR(gamma=0.5).attach(optimizer)
    seen = []
    for value in (-1, -1, math.nan, -1, -1, -1, -1, math.inf, -1, -1):
        optimizer.step([floats(value)])
        seen.append((optimizer.params[0].item(), optimizer.state_dict()["param_groups"][0]["schedule"]["steps"]))
    assert [position for position, _ in seen[1::2]] == [1, 1, 1.5, 1.5, 1.75]
    assert [steps for _, steps in seen] == [0, 1, 1, 1, 1, 2, 2, 2, 2, 3]
    optimizer.step([floats(-1)], found_inf=1)
    assert optimizer.step([floats(-1)]).skipped
    assert optimizer.state_dict()["param_groups"][0]["schedule"]["steps"] == 3


# Arrays for averages and mirrors

ARRAYS = pytest.mark.parametrize("what", ["ema", "mirror"])


def forms() -> dict[str, tuple[Any, Any]]:
    """Parameters and arrays given as these, which are to come out as zeros of two and of three elements."""

    def two(value: float) -> list[Array]:
        return [np.full(size, value, np.float32) for size in (2, 3)]

    def named(arrays: list[Array], names: str = "wb") -> dict[str, Array]:
        return dict(zip(names, arrays, strict=True))

    return {
        "list": (two(1), two(7)),
        "tuple": (tuple(two(1)), tuple(two(7))),
        "list for tuple": (tuple(two(1)), two(7)),
        "list for generator": (iter(two(1)), two(7)),
        "dict": (named(two(1)), named(two(7)[::-1], "bw")),
        "list for dict": (named(two(1)), two(7)),
        "list for groups": ([{"params": array} for array in two(1)], two(7)),
        "dict for groups": ([{"params": {name: array}} for name, array in named(two(1)).items()], named(two(7))),
    }


@ARRAYS
@pytest.mark.parametrize("form", forms())
def test_forms_of_arrays(form: str, what: str) -> None:
    params, arrays = forms()[form]
    optimizer = op.SGD(params, lr=1.0, **{what: arrays})
    given = [arrays["w"], arrays["b"]] if isinstance(arrays, dict) else arrays
    assert all(one is other for one, other in zip(getattr(optimizer, what), given, strict=True))
    optimizer.step([np.ones(2, np.float32), np.ones(3, np.float32)])
    assert_same_bits(given, [np.zeros(2, np.float32), np.zeros(3, np.float32)])


@ARRAYS
def test_one_array(what: str) -> None:
    array = floats(7, 7)
    op.SGD(floats(1, 2), lr=1.0, **{what: array}).step(floats(1, 1))
    assert array.tolist() == [0, 1]
    with pytest.raises(TypeError, match=f"^SGD: {what} must be given as the parameters were, not as one array"):
        op.SGD([floats(1, 2)], **{what: array})


@ARRAYS
@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda w, b: [floats(1)], ValueError, "has 1 arrays for 2 parameters"),
        (lambda w, b: [w.copy(), b.copy(), b.copy()], ValueError, "has 3 arrays for 2 parameters"),
        (lambda w, b: [w.copy(), None], TypeError, "must have an array for every parameter, got None"),
        (lambda w, b: {"w": w.copy()}, ValueError, "has nothing for 'b'$"),
        (lambda w, b: {"w": w.copy(), "b": None}, TypeError, "must have an array for every parameter, got None"),
        (lambda w, b: {"w": w.copy(), "b": b.copy(), "c": b.copy()}, ValueError, "there is no parameter 'c'"),
        (lambda w, b: [w.copy(), b.tolist()], TypeError, "1 .* must be a plain numpy.ndarray, got builtins.list"),
        (lambda w, b: [w.copy(), floats(1, 2)], ValueError, r"1 .* has shape \(2,\), its parameter has \(3,\)"),
        (lambda w, b: [w.T, b.copy()], ValueError, "0 .* lies in memory in another order than its parameter"),
        (lambda w, b: [w.copy(), np.frombuffer(b.tobytes(), np.float32)], ValueError, "1 .* is read-only"),
        (lambda w, b: [w.copy(), b.astype(">f4")], TypeError, "1 .* has the foreign byte order"),
        (lambda w, b: [w.copy(), b.astype(int)], TypeError, "1 .* has dtype int64; supported are"),
        (lambda w, b: [w.copy(), b.astype(np.float64)], TypeError, "1 .* has dtype float64; pass float32"),
        (lambda w, b: [w.copy(), b.astype(np.uint8)], TypeError, "1 .* has dtype uint8; pass float32"),
        (lambda w, b: [w.copy(), b], ValueError, "1 .* share memory; every array must be its own"),
        (lambda w, b: [w.copy(), w[:, 1]], ValueError, "1 .* lies in memory in another order than its parameter"),
    ],
)
def test_arrays_that_cannot_be_used(what: str, make: Callable[..., Any], error: type[Exception], text: str) -> None:
    params = {"w": np.ones((3, 3), np.float32), "b": np.ones(3, np.float32)}
    arrays = make(*params.values())
    with pytest.raises(error, match=rf"^AdamW: .*{text}") as raised:
        op.AdamW(params, **{what: arrays})
    assert what in str(raised.value) or "there is no parameter" in str(raised.value)
    op.AdamW(params, **{what: [param.copy() for param in params.values()]})


def test_dtypes_of_arrays() -> None:
    """An average is in the dtype of all arithmetic; a mirror is of any but that it is not wider than the parameter."""
    names = ["float32", "float64", "float16", "bfloat16"]
    for param, array in itertools.product(names, names):
        for what in ("ema", "mirror"):
            compute = "float64" if param == "float64" else "float32"
            fits = array == compute if what == "ema" else array != "float64" or param == "float64"
            params, arrays = [np.ones(3, dtype_of(param))], [np.zeros(3, dtype_of(array))]
            if fits:
                op.SGD(params, lr=1.0, **{what: arrays}).step([np.full(3, -1, dtype_of(param))])
                assert (arrays[0] == 2).all()
            else:
                with pytest.raises(TypeError, match=f"^SGD: {what} 0 has dtype {array}; pass float"):
                    op.SGD(params, **{what: arrays})


@ARRAYS
def test_arrays_share_no_memory(what: str) -> None:
    memory = np.zeros(12, np.float32)
    with pytest.raises(ValueError, match=f"{what} 0 and {what} 1 share memory"):
        op.SGD([floats(1, 2), floats(1, 2)], **{what: [memory[:2], memory[1:3]]})
    with pytest.raises(ValueError, match=f"parameter 0 and {what} 0 share memory"):
        op.SGD([memory[:2]], **{what: [memory[1:3]]})
    with pytest.raises(ValueError, match="ema 0 and mirror 0 share memory"):
        op.SGD([floats(1, 2)], ema=[memory[:2]], mirror=[memory[:2]])
    optimizer = op.SGD([floats(1, 2)], **{what: [memory[:2]]})
    before = Snapshot(optimizer)
    with pytest.raises(ValueError, match=f"^step: gradient 0 shares memory with {what} 0"):
        optimizer.step([memory[1:3]])
    before.assert_unchanged()


def test_a_new_parameter_shares_no_memory_with_an_average() -> None:
    memory = floats(0, 0, 0)
    optimizer = op.SGD([floats(1, 2)], ema=[memory[:2]])
    with pytest.raises(ValueError, match="ema 0 and parameter 1 share memory"):
        optimizer.add_param_group({"params": memory[1:]})
    assert len(optimizer.params) == 1
    optimizer.step([floats(1, 1)])


def test_a_new_mirror_is_what_a_step_would_write() -> None:
    values = np.array([1, 1 + 2.0**-11 + 2.0**-40, -1e6, 1e300, math.nan])
    optimizer = op.SGD([values], lr=0.0, mirror="float16")
    assert optimizer.mirror is not None
    before = optimizer.mirror[0].copy()
    optimizer.step([np.zeros(5)])
    assert repr(before.tolist()) == "[1.0, 1.0, -inf, inf, nan]"
    assert_same_bits([before], optimizer.mirror)


# Groups that come later


@pytest.mark.parametrize(
    "options", [{"mirror": "float16"}, {"ema": True}, {"mirror": "float32", "ema": True}], ids=shown
)
def test_a_group_that_comes_at_once_is_as_one_that_was_there(options: dict[str, Any], rng: np.random.Generator) -> None:
    first, second = spread(rng, (4, 5), np.float32), np.asfortranarray(spread(rng, (3, 2), np.float64))
    there = op.AdamW([{"params": first.copy()}, {"params": np.array(second, order="K")}], **options)
    grown = op.AdamW([{"params": first.copy()}], **options)
    grown.add_param_group({"params": np.array(second, order="K")})
    for _ in range(3):
        gradients = [spread(rng, (4, 5), np.float32), np.asfortranarray(spread(rng, (3, 2), np.float64))]
        assert there.step(gradients) == grown.step(gradients)
    assert_same_bits(arrays_of(grown), arrays_of(there))


def test_a_group_that_comes_later() -> None:
    optimizer = op.SGD([floats(0)], lr=1.0, mirror="float16", ema=[floats(9)], ema_decay=None)
    optimizer.step([floats(-1)])
    optimizer.add_param_group({"params": floats(10)})
    assert optimizer.ema is not None
    assert optimizer.mirror is not None
    assert [(array.dtype.name, array.item()) for array in optimizer.mirror] == [("float16", 1), ("float16", 10)]
    assert [array.item() for array in optimizer.ema] == [1, 0]
    optimizer.step([floats(-1), floats(-1)])
    assert [array.item() for array in optimizer.mirror] == [2, 11]
    assert [array.item() for array in optimizer.ema] == [1.5, 11]


def test_a_group_without_a_mirror_is_refused() -> None:
    optimizer = op.AdamW([floats(0)], mirror=[floats(0)], ema=True)
    before = Snapshot(optimizer)
    with pytest.raises(ValueError, match="^AdamW: mirror was given as arrays, .* give it as a dtype"):
        optimizer.add_param_group({"params": floats(1)})
    before.assert_unchanged()
    assert (len(optimizer.param_groups), len(optimizer.params)) == (1, 1)
    optimizer.step([floats(1)])


# To disk and back, and copies

#: Every way to store, and what needs entries of its own; all are saved in the middle of a round where there is one.
STORED: list[tuple[str, dict[str, Any]]] = [
    *(("float32", {"state_dtype": name}) for name in STATE_DTYPES),
    ("float64", {"ema": True, "mirror": "float32"}),
    ("bfloat16", {"state_dtype": "float8", "rounding": "stochastic"}),
    ("bfloat16", {"state_dtype": "bfloat16", "rounding": "kahan"}),
    ("float16", {"state_dtype": "float16", "rounding": "kahan", "accumulate": 3, "ema": True}),
    ("float32", {"accumulate": 3, "ema": True, "ema_decay": None, "clip_norm": 0.5, "state_dtype": "float8"}),
    ("float32", {"accumulate": 5, "skip_nonfinite": True, "mirror": "bfloat16"}),
    ("bfloat16", {"accumulate": 9, "accumulate_sum": "tree", "clip_norm": 0.5, "ema": True}),
    ("float64", {"accumulate": 3, "accumulate_sum": "tree"}),
]
EVERY_STORAGE = pytest.mark.parametrize(("dtype", "options"), STORED, ids=shown)


def gradients_at(step: int, dtype: str) -> list[Array | None]:
    rng = np.random.default_rng(step)
    large, small = (spread(rng, shape, dtype_of(dtype)) for shape in ((50, 100), (3, 4)))
    return [np.asfortranarray(large), small if step % 3 else None]


def trained(dtype: str, options: dict[str, Any], steps: int = 4) -> Optimizer:
    params = [np.ones((50, 100), dtype_of(dtype), "F"), np.ones((3, 4), dtype_of(dtype))]
    optimizer = op.AdamW(params, lr=0.1, seed=6, **options)
    for step in range(steps):
        optimizer.step(gradients_at(step, dtype))
    return optimizer


def go_on(optimizer: Optimizer, dtype: str) -> None:
    for step in range(4, 9):
        optimizer.step(gradients_at(step, dtype))


@EVERY_STORAGE
def test_resuming_equals_going_on(dtype: str, options: dict[str, Any]) -> None:
    straight, resumed = trained(dtype, options), trained(dtype, options, steps=1)
    saved = pickle.loads(pickle.dumps(straight.state_dict()))
    calls = options.get("accumulate", 1)
    assert ("accumulated" in saved) == (calls > 1)
    if calls > 1:
        assert saved["accumulated"] == {"calls": 4 % calls, "found_inf": False}
        assert saved["state"][0]["grad_count"] == 4 % calls
    resumed.load_state_dict(saved)
    for mine, theirs in ((resumed.params, straight.params), (resumed.mirror or (), straight.mirror or ())):
        for one, other in zip(mine, theirs, strict=True):
            one[...] = other
    assert_same_bits(arrays_of(resumed), arrays_of(straight))
    for optimizer in (resumed, straight):
        go_on(optimizer, dtype)
    assert_same_bits(arrays_of(resumed), arrays_of(straight))


@EVERY_STORAGE
@pytest.mark.parametrize(
    "how", [copy.deepcopy, copy.copy, lambda one: pickle.loads(pickle.dumps(one))], ids=["deepcopy", "copy", "pickle"]
)
def test_copies_go_on_alike(dtype: str, options: dict[str, Any], how: Callable[[Any], Any]) -> None:
    straight, optimizer = trained(dtype, options), trained(dtype, options)
    twin = how(optimizer)
    assert twin.options == optimizer.options
    states = [
        (one, other)
        for pair in zip(twin.state, optimizer.state, strict=True)
        for one in pair[0].values()
        for other in pair[1].values()
    ]
    assert not any(np.shares_memory(one, other) for one, other in states)
    shares = how is copy.copy
    assert all((one is other) == shares for one, other in zip(twin.params, optimizer.params, strict=True))
    assert all((one is other) == shares for one, other in zip(twin.mirror or (), optimizer.mirror or (), strict=True))
    before = Snapshot(twin)
    if not shares:
        go_on(optimizer, dtype)
        before.assert_unchanged()
    for each in (twin, straight):
        go_on(each, dtype)
    assert_same_bits(arrays_of(twin), arrays_of(straight))


def test_a_round_that_is_spoilt_stays_so() -> None:
    optimizer = op.SGD([floats(0)], accumulate=2)
    optimizer.step([floats(1)], found_inf=1)
    resumed = op.SGD([floats(0)], accumulate=2)
    resumed.load_state_dict(optimizer.state_dict())
    for each in (copy.deepcopy(optimizer), copy.copy(optimizer), resumed):
        assert each.step([floats(1)]).skipped


@pytest.mark.parametrize(
    ("saved", "wanted"),
    [
        *itertools.permutations([{"state_dtype": name} for name in STATE_DTYPES], 2),
        *itertools.permutations([{}, {"ema": True}], 2),
        *itertools.permutations([{}, {"accumulate": 2}], 2),
        *itertools.permutations([{"accumulate": 3}, {"accumulate": 3, "accumulate_sum": "tree"}], 2),
        *itertools.permutations([{}, {"rounding": "kahan"}], 2),
    ],
    ids=shown,
)
def test_state_that_was_stored_otherwise_is_refused(saved: dict[str, Any], wanted: dict[str, Any]) -> None:
    dtype = "float16" if "rounding" in saved | wanted else "float32"
    source, optimizer = trained(dtype, saved), trained(dtype, wanted, steps=2)
    before = Snapshot(optimizer)
    text = "keeps .*; build it with the state_dtype that was saved|lacks|has the unknown key"
    with pytest.raises((TypeError, ValueError), match=f"^AdamW: state_dict.*({text})"):
        optimizer.load_state_dict(source.state_dict())
    before.assert_unchanged()


def test_codes_are_of_blocks_in_memory() -> None:
    """The scales of another order would go with other elements."""
    optimizer = op.AdamW([np.ones((50, 100), np.float32)], state_dtype="float8")
    optimizer.step([np.ones((50, 100), np.float32)])
    saved, before = optimizer.state_dict(), Snapshot(optimizer)
    optimizer.load_state_dict(saved)
    saved["state"][0]["exp_avg"] = np.asfortranarray(saved["state"][0]["exp_avg"])
    with pytest.raises(ValueError, match=r"\['exp_avg'\] lies in memory in another order than its parameter"):
        optimizer.load_state_dict(saved)
    before.assert_unchanged()


@pytest.mark.parametrize(
    ("entry", "value", "text"),
    [
        ("calls", 2, "must be less than accumulate, which is 2, got 2"),
        ("calls", -1, "must be in"),
        ("calls", True, "must be an int"),
        ("calls", 1.0, "must be an int"),
        ("found_inf", 1, "must be True or False"),
        ("found_inf", None, "must be True or False"),
        ("more", 1, "has the unknown key 'more'"),
    ],
)
def test_a_round_that_cannot_be(entry: str, value: Any, text: str) -> None:
    optimizer = op.AdamW([floats(1)], accumulate=2)
    optimizer.step([floats(1)])
    saved, before = optimizer.state_dict(), Snapshot(optimizer)
    saved["accumulated"][entry] = value
    with pytest.raises((TypeError, ValueError), match=rf"^AdamW: state_dict\['accumulated'\].*{text}"):
        optimizer.load_state_dict(saved)
    before.assert_unchanged()
    assert not optimizer.step([floats(1)]).pending


def test_a_parameter_has_no_more_gradients_than_there_were_calls() -> None:
    optimizer = op.AdamW([floats(1)], accumulate=3, accumulate_sum="tree")
    optimizer.step([floats(1)])
    saved, before = optimizer.state_dict(), Snapshot(optimizer)
    saved["state"][0]["grad_count"] = 2
    with pytest.raises(ValueError, match=r"\['state'\]\[0\]\['grad_count'\] must be at most the calls that wait, .* 1"):
        optimizer.load_state_dict(saved)
    before.assert_unchanged()
    for count in (-1, 2, 2**40):
        optimizer.state[0]["grad_count"][...] = count
        before = Snapshot(optimizer)
        with pytest.raises(ValueError, match=f"^step: parameter 0 has grad_count {count}, more than the calls"):
            optimizer.step([floats(1)])
        before.assert_unchanged()


# What narrow storage is worth


def second_moment(optimizer: Optimizer) -> Array:
    (state,) = optimizer.state
    dtype, scales = np.dtype(np.float32), state.get("exp_avg_sq_scale")
    return decode_slot(state["exp_avg_sq"], "second_moment", dtype, scales).astype(np.float64)


def after_a_drop(state_dtype: str, state_rounding: str) -> tuple[float, float]:
    """The mean second moment before and after 3000 steps with a gradient of a hundredth."""
    optimizer = op.AdamW([np.zeros(8192, np.float32)], state_dtype=state_dtype, state_rounding=state_rounding)
    for _ in range(3000):
        optimizer.step([np.ones(8192, np.float32)])
    before = second_moment(optimizer).mean()
    for _ in range(3000):
        optimizer.step([np.full(8192, 0.01, np.float32)])
    return before, second_moment(optimizer).mean()


def test_second_moments_follow_gradients_that_drop() -> None:
    """To a hundredth: the mean of squares falls as it should, or stands still where it is rounded to nearest."""
    exact = after_a_drop("float32", "stochastic")
    assert exact[1] < exact[0] / 15
    for state_dtype in ("bfloat16", "float16", "float8"):
        assert after_a_drop(state_dtype, "stochastic") == pytest.approx(exact, rel=0.02), state_dtype
    for state_dtype in ("bfloat16", "float8"):
        before, after = after_a_drop(state_dtype, "nearest")
        assert before == after, state_dtype


@pytest.mark.parametrize("state_rounding", ["stochastic", "nearest"])
def test_half_precision_holds_small_gradients(state_rounding: str) -> None:
    """The square of 1e-6 is far below its range; the root is within a place of it, 2^-24."""
    optimizer = op.AdamW(
        [np.zeros(4096, np.float32)], state_dtype="float16", state_rounding=state_rounding, betas=(0.9, 0.5)
    )
    gradient = np.linspace(1e-6, 2e-6, 4096, dtype=np.float32)
    for step in range(1, 30):
        optimizer.step([gradient])
        root = np.sqrt(second_moment(optimizer))
        assert (root > 0).all(), step
    assert np.abs(root - gradient).max() <= 4 * 2.0**-24
    assert root.mean() == pytest.approx(gradient.mean(), rel=0.02)


def way_left(rounding: str, dtype: str) -> float:
    """What is left of the way to the minimum of a parabola, after 3000 steps of a thousandth each."""
    target = np.linspace(1, 2, 4096, dtype=np.float32)
    param = np.zeros(4096, dtype_of(dtype))
    optimizer = op.SGD([param], lr=1e-3, rounding=rounding)
    for _ in range(3000):
        optimizer.step([param.astype(np.float32) - target])
    return float(np.abs(param.astype(np.float32) - target).mean() / target.mean())


def test_small_updates_need_more_than_the_nearest_number() -> None:
    exact = way_left("nearest", "float32")
    left = {rounding: way_left(rounding, "bfloat16") for rounding in ("nearest", "stochastic", "kahan")}
    numbers = f"float32 leaves {exact:.4f}; bfloat16 " + ", ".join(f"{name} {part:.4f}" for name, part in left.items())
    assert left["nearest"] > 4 * exact, numbers
    assert left["stochastic"] < 1.1 * exact, numbers
    assert left["kahan"] < 1.1 * exact, numbers


def test_a_step_with_options_allocates_nothing_that_grows_with_the_parameters() -> None:
    everything = {"clip_norm": 1.0, "clip_value": 2.0, "skip_nonfinite": True, "zero_grad": True, "ema": True}
    for dtype, more in (
        ("float32", {"state_dtype": "float8", "mirror": "float16"}),
        ("float16", {"state_dtype": "float16", "rounding": "kahan", "mirror": "float32"}),
        ("float16", {"state_dtype": "float8", "rounding": "stochastic", "accumulate": 2}),
        ("float64", {"mirror": "float32", "flush_subnormals": True, "accumulate": 2}),
    ):
        param, gradient = np.ones(2**20, dtype), np.ones(2**20, dtype)
        optimizer = op.AdamW([param], **everything, **more)
        for _ in range(2):
            optimizer.step([gradient])
        tracemalloc.start()
        peak_before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for _ in range(4):
            optimizer.step([gradient])
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak_before
        _, traced = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert traced < 20_000, "bytes seen by Python's allocator"
        assert grown < 1024, "KiB of resident memory; one array has 2048 or more"
