"""Group A of the faults: what is no parameter, and hyper-parameters that are none, on every optimizer."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from cases import CLASSES, Snapshot, assert_same_bits, defaults_of, trained

import onepass as op
from onepass.arrays import Array
from onepass.checks import Flag, Items, Real, Unset, checks_of
from onepass.optimizer import Optimizer

on_every_optimizer = pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)

#: What is no real number: a fault of every hyper-parameter.
NOT_REAL: list[Any] = [
    "0.1", b"0.1", None, True, np.True_, 1j, Decimal("0.1"), [0.1], np.array([0.1]), np.array("x"), np.array(True),
    np.timedelta64(1), np.datetime64("2020"), float, object(),
]  # fmt: skip
NOT_FINITE: list[Any] = [math.nan, math.inf, 10**400, np.float16("nan"), np.longdouble("1e4000"), np.array(math.nan)]


class Lies(float):
    """Is 0.1, and says otherwise when it is asked."""

    def __float__(self) -> float:
        return math.nan


def gone() -> Any:
    arrays = (array for array in [np.ones(2)])
    list(arrays)
    return arrays


NO_PARAMETERS: dict[str, tuple[Callable[[], Any], str]] = {
    "a consumed generator": (gone, "params is empty"),
    "a set": (lambda: {1.0}, "parameter 0 must be a plain numpy.ndarray, got builtins.float"),
    "a list of lists": (lambda: [[1.0, 2.0]], "parameter 0 must be a plain numpy.ndarray, got builtins.list"),
    "a list of a list of arrays": (lambda: [[np.ones(2)]], "parameter 0 must be a plain numpy.ndarray"),
    "a dict of dicts": (lambda: {"a": {"b": np.ones(2)}}, r"parameter 0 \('a'\) must be a plain numpy.ndarray"),
    "an array of arrays": (lambda: np.array([np.ones(2), None], object), "parameter 0 has dtype object"),
    "a memoryview": (lambda: memoryview(b"ab"), "parameter 0 must be a plain numpy.ndarray, got builtins.int"),
    "a number": (lambda: 1.0, "params must be an array"),
    "a string": (lambda: "w", "params must be an array"),
    "an empty list": (list, "params is empty"),
    "an empty group among others": (lambda: [{"params": [np.ones(1)]}, {"params": []}], "params is empty"),
    "a None among arrays": (lambda: [np.ones(1), None], "parameter 1 must be a plain numpy.ndarray, got builtins.None"),
}


@on_every_optimizer
def test_A1_what_is_no_parameter(cls: type[Optimizer]) -> None:
    for make, text in NO_PARAMETERS.values():
        with pytest.raises((TypeError, ValueError), match=f"^{cls.__name__}: {text}"):
            cls(make())


@on_every_optimizer
def test_A2_A3_A4_memory_that_is_given_twice(cls: type[Optimizer]) -> None:
    memory = np.ones(10)
    twice: list[Any] = [
        [memory, memory],
        [{"params": [memory]}, {"params": [memory]}],
        [memory[:6], memory[5:]],
        [memory, memory[3:4]],
        [memory[::-1][::-1][:5], memory[4:]],
        [memory.reshape(2, 5), memory[9:]],
        [memory, memory.view(np.float32)],
    ]
    for params in twice:
        with pytest.raises(ValueError, match=rf"^{cls.__name__}: parameter 0 and parameter 1 share memory"):
            cls(params)
    for first in range(0, 8, 3):  # also where many do not overlap
        views = [memory[i : i + 1] for i in range(10)] + [memory[first : first + 2]]
        with pytest.raises(ValueError, match=rf"parameter ({first}|{first + 1}|10) and parameter (10|{first}) share"):
            cls(views)
    assert len(cls([memory[:5], memory[5:5], memory[5:]]).params) == 3


def bad_values(cls: type[Optimizer], name: str) -> list[Any]:
    """Values that a hyper-parameter of this kind cannot have."""
    check = checks_of(cls)[name]
    if isinstance(check, Flag):
        return [0, 1, "yes", None, math.nan, np.array([True])]
    if isinstance(check, Unset):
        return [*(bad for bad in NOT_REAL if bad is not None), *NOT_FINITE, Lies(0.1)]
    if not isinstance(check, Items):
        is_unlimited = isinstance(check, Real) and math.inf in check
        return [*NOT_REAL, *(bad for bad in NOT_FINITE if not (is_unlimited and bad > 0)), Lies(0.1)]
    good = defaults_of(cls)[name]
    wrong = [
        (*good[:place], bad, *good[place + 1 :])
        for place, item in enumerate(check.items)
        for bad in (*NOT_REAL, *NOT_FINITE)
        if not (isinstance(item, Unset) and bad is None)
    ]
    return [good[0], good[:1], (*good, 0.5), "ab", None, set(good), np.array(good), iter(good), *wrong]


@on_every_optimizer
def test_A5_A6_A7_A8_hyper_parameters_that_are_none(cls: type[Optimizer], refused: Any) -> None:
    """At construction, in a group, in a group added later, set in a group, as an attribute and with `assign`."""
    optimizer = trained(cls)
    group = optimizer.param_groups[0]
    for name in defaults_of(cls):
        for bad in bad_values(cls, name):
            ways: list[Callable[[], Any]] = [
                lambda name=name, bad=bad: cls([np.ones(2)], **{name: bad}),
                lambda name=name, bad=bad: cls([{"params": [np.ones(2)], name: bad}]),
                lambda name=name, bad=bad: optimizer.add_param_group({"params": {"c": np.ones(2)}, name: bad}),
                lambda name=name, bad=bad: group.update({name: bad}),
                lambda name=name, bad=bad: setattr(optimizer, name, bad),
                lambda name=name, bad=bad: optimizer.assign({name: bad}),
            ]
            for way in ways:
                with refused(optimizer, (TypeError, ValueError), rf"^{cls.__name__}: {name}(\[\d\])? must be "):
                    way()


@on_every_optimizer
def test_A9_A10_arguments_and_keys_that_there_are_not(cls: type[Optimizer], refused: Any) -> None:
    optimizer = trained(cls)
    with pytest.raises(TypeError, match=rf"^{cls.__name__}: there is no 'learning_rate'; the hyper-parameters are "):
        cls([np.ones(1)], learning_rate=0.1)
    with pytest.raises(TypeError, match=rf"^{cls.__name__}: takes params, .* by position, and got 1 more"):
        cls([np.ones(1)], *[0.1] * (1 + sum(not field.kw_only for field in cls.hyperparameters.values())))
    wrong: list[tuple[Any, str]] = [
        ({"lr": 0.1}, "a parameter group must be a dict with the key 'params'"),
        ([np.ones(1)], "a parameter group must be a dict with the key 'params'"),
        (None, "a parameter group must be a dict with the key 'params'"),
        ({"params": [np.ones(1)], "learning_rate": 0.1}, "unknown hyper-parameter 'learning_rate'"),
        ({"params": {"w": np.ones(1)}}, "two parameters are named 'w'"),
    ]
    for group, text in wrong:
        with refused(optimizer, (TypeError, ValueError), rf"^{cls.__name__}: {text}"):
            optimizer.add_param_group(group)
    with refused(optimizer, TypeError, r"^step: there is no 'lr'; the options of a step are "):
        optimizer.step([np.ones((4, 5), np.float32), None], lr=0.1)  # type: ignore[call-arg]


@on_every_optimizer
def test_A11_no_way_around_the_checks_of_a_group(cls: type[Optimizer], refused: Any) -> None:
    """A group gives nothing out that a NaN could be written into, and has no method that would not check."""
    optimizer = trained(cls)
    group = optimizer.param_groups[0]
    pairs = {name: list(value) for name, value in group.hyperparameters().items() if isinstance(value, tuple)}
    group.update(pairs)
    before = Snapshot(optimizer)
    for values in pairs.values():
        values[0] = math.nan
    group.hyperparameters()["lr"] = math.nan
    dict(group)["lr"] = math.nan
    with pytest.raises(TypeError):
        optimizer.defaults["lr"] = math.nan  # type: ignore[index]
    before.assert_unchanged()
    name = next(name for name in defaults_of(cls) if not isinstance(checks_of(cls)[name], Flag | Items))
    for way in (
        lambda: group.pop(name),
        lambda: group.popitem(),
        lambda: group.clear(),
        lambda: group.setdefault("mu", math.nan),
        lambda: group.update([(name, math.nan)]),
        lambda: group.update({name: 0.5, "mu": 1.0}),
    ):
        with refused(optimizer, (TypeError, ValueError, KeyError), f"^[\"']?{cls.__name__}: "):
            way()


class Later(op.schedules.Schedule):
    """The rate that there was, and from step 1 on another one."""

    def __init__(self, rate: Any) -> None:
        self.rate = rate

    def __call__(self, t: int, base_lr: float) -> Any:
        return self.rate if t else base_lr


@on_every_optimizer
def test_A12_a_schedule_without_a_rate(cls: type[Optimizer], refused: Any) -> None:
    optimizer = trained(cls, steps=0)
    gradients = [np.ones((4, 5), np.float32), np.ones(5, np.float32)]
    rates: list[Any] = [math.nan, -1.0, math.inf, -math.inf, "0.1", None, True, 1j, [0.1]]
    for rate in rates:
        Later(rate).attach(optimizer)
        optimizer.step(gradients)
        for _ in range(2):
            with refused(
                optimizer, (TypeError, ValueError), rf"^{cls.__name__}: lr must be .*\(by Later, at its step 1\)$"
            ):
                optimizer.step(gradients)
        optimizer.detach_schedule()
        optimizer.step(gradients)


@on_every_optimizer
def test_A13_a_group_that_overlaps_what_there_is(cls: type[Optimizer], refused: Any) -> None:
    memory = np.ones(12)
    optimizer, alone = cls([memory[:4]]), cls([np.ones(4)])
    gradient = np.linspace(-1, 1, 4)
    for each in (optimizer, alone):
        each.bind_gradients([gradient])
        each.step()
    live = [value for value in optimizer.state[0].values() if value.shape == (4,)]
    overlapping: list[list[Array]] = [
        [memory[:4]],
        [memory[2:6]],
        [memory[4:7], memory[6:9]],
        [memory[8:], memory[4:6], memory[3:4]],
        *([np.ones(2), value] for value in live),
        *([np.ones(2), value[1:]] for value in live),
    ]
    for params in overlapping:
        with refused(optimizer, ValueError, rf"^{cls.__name__}: \w+ \d and parameter \d share memory"):
            optimizer.add_param_group({"params": params})
        assert len(optimizer.param_groups) == 1
        for each in (optimizer, alone):  # the optimizer, and what was bound to it, go on
            each.step()
    assert_same_bits(optimizer.params, alone.params)
    optimizer.add_param_group({"params": [memory[4:8], memory[8:]]})
    optimizer.step([gradient, None, np.ones(4)])


@on_every_optimizer
def test_A14_numbers_of_every_kind(cls: type[Optimizer]) -> None:
    """The double that is nearest, whichever kind of number it was."""
    name = next(name for name in defaults_of(cls) if not isinstance(checks_of(cls)[name], Flag | Items))
    for value in (
        0.25,
        np.float16(0.1),
        np.float32(0.1),
        np.float64(0.1),
        np.longdouble(0.1),
        np.array(0.25),
        np.int8(0),
    ):
        kept = cls([np.ones(1)], **{name: value}).param_groups[0][name]
        assert type(kept) is float
        assert kept == float(value)
