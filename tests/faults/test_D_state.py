"""Group D of the faults: state that was changed between saving and loading, on every optimizer."""

from __future__ import annotations

import copy
import gc
import math
import pickle
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from cases import CLASSES, arrays_of, assert_same_bits, defaults_of, spread, trained

import onepass as op
from onepass.checks import Flag, Items, Unset, checks_of
from onepass.optimizer import Optimizer

on_every_optimizer = pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
GRADIENTS = [np.full((4, 5), 0.5, np.float32), np.full(5, -0.5, np.float32)]

Saved = dict[str, Any]


def spoiled(saved: Any) -> None:
    """Write something else into all that a saved state holds."""
    for key, value in list(saved.items()) if isinstance(saved, dict) else list(enumerate(saved)):
        if isinstance(value, np.ndarray):
            value[...] = 77
        elif isinstance(value, dict | list):
            spoiled(value)
        elif isinstance(value, bool | int | float | str):
            saved[key] = 77


@on_every_optimizer
def test_D1_D2_D3_a_deep_copy_both_ways(cls: type[Optimizer], unchanged: Any) -> None:
    optimizer = trained(cls, ema=True, accumulate=2)
    op.schedules.StepLR(2).attach(optimizer)
    with unchanged(optimizer):
        saved = optimizer.state_dict()
        pristine = copy.deepcopy(saved)
        spoiled(saved)
    with unchanged(optimizer):
        optimizer.load_state_dict(pristine)  # its own: nothing changes
        spoiled(pristine)
    twin = trained(cls, ema=True, accumulate=2)
    op.schedules.StepLR(2).attach(twin)
    for each in (optimizer, twin):
        for _ in range(3):
            each.step(GRADIENTS)
    assert_same_bits(arrays_of(optimizer), arrays_of(twin))


def slots_of(saved: Saved) -> list[str]:
    return [name for name, value in saved["state"][1].items() if isinstance(value, np.ndarray)]


def structural(saved: Saved) -> Iterator[tuple[str, Callable[[Saved], object]]]:
    """What is missing, too many, unknown or of another kind."""
    group = saved["param_groups"][0]
    yield "other class", lambda s: s.update(optimizer="Nobody")
    for version in (0, 2, -1, "1", None, True, 1.0, 2**70):
        yield f"version {version}", lambda s, version=version: s.update(version=version)
    for key in saved:
        yield f"no {key}", lambda s, key=key: s.pop(key)
    # Without names they are matched by position; states of before caution was an option have none.
    for key in group:
        if key not in ("names", "cautious", "cautious_decay"):
            yield f"no {key} in a group", lambda s, key=key: s["param_groups"][0].pop(key)
    for key in saved["state"][1]:
        yield f"no {key} in a state", lambda s, key=key: s["state"][1].pop(key)
    yield "a key more", lambda s: s.update(more=1)
    yield "a key more in a group", lambda s: s["param_groups"][0].update(more=1)
    yield "a key more in a state", lambda s: s["state"][1].update(more=1)
    yield "a group more", lambda s: s["param_groups"].append(copy.deepcopy(group))
    yield "an empty group more", lambda s: s["param_groups"].append({**group, "params": [], "names": []})
    yield "a group less", lambda s: s["param_groups"].clear()
    yield "a parameter more", lambda s: (group_of(s)["params"].append(2), group_of(s)["names"].append("c"))
    yield "a parameter less", lambda s: (group_of(s)["params"].pop(), group_of(s)["names"].pop())
    yield "a state more", lambda s: s["state"].update({2: s["state"][1]})
    yield "a state less", lambda s: s["state"].pop(1)
    yield "another name", lambda s: group_of(s).update(names=["w", "c"])
    yield "a name twice", lambda s: group_of(s).update(names=["w", "w"])
    yield "a parameter twice", lambda s: group_of(s).update(params=[0, 0])
    for key in ("state", "param_groups"):
        for value in (None, 3, "x", (), [3], {}):
            yield f"{key} {value!r}", lambda s, key=key, value=value: s.update({key: value})
    for value in (None, 3, "x", [], {}):
        yield f"state of a parameter {value!r}", lambda s, value=value: s["state"].update({1: value})


def group_of(saved: Saved) -> Saved:
    group: Saved = saved["param_groups"][0]
    return group


def numeric(cls: type[Optimizer], saved: Saved) -> Iterator[tuple[str, Callable[[Saved], object]]]:
    """Counts, hyper-parameters and arrays that cannot be."""

    def to(name: str, value: Any) -> Callable[[Saved], object]:
        return lambda s: s["state"][1].update({name: value(s["state"][1][name]) if callable(value) else value})

    for step in (-1, math.nan, 3.5, 2.0, 2**70, np.array([3]), np.array(3.0), "3", None, True, np.float64(3)):
        yield f"step {step!r}", to("step", step)
    for name, value in saved["state"][1].items():
        if isinstance(value, float):
            for bad in (math.nan, math.inf, "1", None, 1, np.ones(1)):
                yield f"{name} {bad!r}", to(name, bad)
    for name in slots_of(saved):
        yield f"{name} smaller", to(name, lambda a: a[1:])
        yield f"{name} larger", to(name, lambda a: np.append(a, a[:1]))
        yield f"{name} of the same size", to(name, lambda a: a.reshape(5, 1))
        if name in saved["state"][0]:
            yield f"{name} of the other parameter", lambda s, name=name: to(name, s["state"][0][name])(s)
        yield f"{name} one number", to(name, lambda a: a[:1])
        yield f"{name} no dimension", to(name, lambda a: a[0])
        for dtype in ("f8", "f2", "i4", "u4", "?", "O", "c8", "M8[s]"):
            yield f"{name} {dtype}", to(name, lambda a, dtype=dtype: np.zeros(a.shape, dtype))
        yield f"{name} a list", to(name, lambda a: a.tolist())
        yield f"{name} masked", to(name, lambda a: np.ma.masked_array(a, a == a))
        yield f"{name} None", to(name, None)
    for name in defaults_of(cls):
        kind = checks_of(cls)[name]
        pair = defaults_of(cls)[name]
        bads: list[Any] = (
            [(math.nan, pair[1]), pair[:1], "ab", None] if isinstance(kind, Items) else [math.nan, "x", None]
        )
        if isinstance(kind, Unset):
            bads.remove(None)
        for bad in [1, None] if isinstance(kind, Flag) else bads:
            yield f"{name} {bad!r}", lambda s, name=name, bad=bad: group_of(s).update({name: bad})


@on_every_optimizer
def test_D4_D5_D6_D7_D9_D11_what_does_not_fit_changes_nothing(cls: type[Optimizer], refused: Any) -> None:
    """The fault is in the last state, behind one that would fit and is another one than the optimizer has."""
    source = trained(cls, steps=5)
    for group in source.param_groups:
        group["maximize"] = True
    pristine = source.state_dict()
    optimizer = trained(cls, steps=2)
    for _, spoil in (*structural(pristine), *numeric(cls, pristine)):
        saved = copy.deepcopy(pristine)
        spoil(saved)
        with refused(optimizer, (TypeError, ValueError), rf"^{cls.__name__}: "):
            optimizer.load_state_dict(saved)
    optimizer.load_state_dict(pristine)
    assert_same_bits([*optimizer.state[1].values()], [*source.state[1].values()])
    assert optimizer.maximize


@on_every_optimizer
def test_D4_not_the_state_of_this_class(cls: type[Optimizer], refused: Any) -> None:
    optimizer = trained(cls)
    for other in CLASSES:
        if other is not cls:
            with refused(optimizer, ValueError, f"^{cls.__name__}: state_dict is of '{other.__name__}'"):
                optimizer.load_state_dict(trained(other).state_dict())
    for saved in (None, [], "state", 3, np.ones(3)):
        with refused(optimizer, TypeError, f"^{cls.__name__}: state_dict must be a dict"):
            optimizer.load_state_dict(saved)  # type: ignore[arg-type]


@on_every_optimizer
def test_D8_states_find_their_parameters_by_name(cls: type[Optimizer], refused: Any) -> None:
    source = trained(cls)
    w, b = (np.zeros_like(param) for param in source.params)
    turned = cls({"b": b, "w": w})
    turned.load_state_dict(source.state_dict())
    for mine, theirs in zip(turned.state, reversed(source.state), strict=True):
        assert_same_bits(mine.values(), theirs.values())
    unnamed = cls([w.copy(), b.copy()])
    unnamed.load_state_dict(source.state_dict())
    for mine, theirs in zip(unnamed.state, source.state, strict=True):
        assert_same_bits(mine.values(), theirs.values())
    wrong = cls([b.copy(), w.copy()])
    if slots_of(source.state_dict()):
        problem = r"(\['\w+'\] has shape \(4, 5\)| lacks 'variance')"
        with refused(wrong, ValueError, rf"^{cls.__name__}: state_dict\['state'\]\[0\]{problem}"):
            wrong.load_state_dict(source.state_dict())


@on_every_optimizer
def test_D10_arrays_of_any_layout_are_copied_right(cls: type[Optimizer]) -> None:
    optimizer = trained(cls)
    pristine = optimizer.state_dict()
    layouts: list[Callable[[Any], Any]] = [
        np.asfortranarray,
        lambda a: a.astype(a.dtype.newbyteorder()),
        lambda a: np.repeat(a, 2, axis=0)[::2],
        lambda a: a[::-1].copy()[::-1],
        lambda a: np.frombuffer(a.tobytes(), a.dtype).reshape(a.shape),
        lambda a: np.frombuffer(b"x" + a.tobytes(), np.uint8)[1:].view(a.dtype).reshape(a.shape),
    ]
    for layout in layouts:
        saved = copy.deepcopy(pristine)
        for state in saved["state"].values():
            state.update({name: layout(value) for name, value in state.items() if isinstance(value, np.ndarray)})
        fresh = trained(cls, steps=0)
        fresh.load_state_dict(saved)
        for mine, theirs in zip(fresh.state, optimizer.state, strict=True):
            assert_same_bits(mine.values(), theirs.values())


@on_every_optimizer
def test_D12_a_copy_lives_on_its_own(cls: type[Optimizer], unchanged: Any) -> None:
    """Either goes on when the other one, and all that it held, is gone."""
    expected = trained(cls, ema=True)
    expected.step(GRADIENTS)
    for how in (copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))):
        original = trained(cls, ema=True)
        twin = how(original)
        with unchanged(original):
            twin.step(GRADIENTS)
        assert_same_bits(arrays_of(twin), arrays_of(expected))
        second = how(original)
        del twin
        gc.collect()
        original.step(GRADIENTS)
        assert_same_bits(arrays_of(original), arrays_of(expected))
        del original
        gc.collect()
        second.step(GRADIENTS)
        assert_same_bits(arrays_of(second), arrays_of(expected))


@on_every_optimizer
def test_D13_loading_waits_for_a_step(cls: type[Optimizer]) -> None:
    """One thread steps, one loads one of two states all the while: what is there is always of one moment."""
    rng = np.random.default_rng(6)
    optimizer = cls([np.ones(40_000, np.float32), np.ones(3, np.float32)])
    gradients = [spread(rng, 40_000, np.float32), np.ones(3, np.float32)]
    saves = [optimizer.state_dict()]
    for _ in range(5):
        optimizer.step(gradients)
    saves.append(optimizer.state_dict())
    over = threading.Event()
    errors: list[BaseException] = []

    def step() -> None:
        try:
            while not over.is_set():
                optimizer.step(gradients)
        except BaseException as error:
            errors.append(error)

    stepper = threading.Thread(target=step)
    stepper.start()
    for number in range(10):
        optimizer.load_state_dict(saves[number % 2])
        saved = optimizer.state_dict()
        assert saved["state"][0]["step"] == saved["state"][1]["step"]
    over.set()
    stepper.join()
    assert errors == []
    optimizer.load_state_dict(saves[1])
    for mine, theirs in zip(optimizer.state_dict()["state"].values(), saves[1]["state"].values(), strict=True):
        assert_same_bits(map(np.asarray, mine.values()), map(np.asarray, theirs.values()))
