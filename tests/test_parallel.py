"""Can eight threads call everything at once? Each with objects of its own, and all with one optimizer."""

from __future__ import annotations

import itertools
import math
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from cases import (
    CLASSES,
    ISAS,
    LAYERS,
    RULES,
    arrays_of,
    assert_same_bits,
    build,
    kind_of_class,
    run_python,
    some,
    spread,
)

import onepass as op
from onepass import _core
from onepass.arrays import Array
from onepass.signatures import signatures

THREADS = 8


@pytest.fixture(autouse=True)
def _switch_often() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def at_once(work: Callable[[int], object]) -> list[Any]:
    """What work(0), work(1), ... give, each in a thread of its own; raises what one of them raises."""
    results: list[Any] = [None] * THREADS
    errors: list[BaseException] = []
    start = threading.Barrier(THREADS)

    def run(index: int) -> None:
        start.wait()
        try:
            results[index] = work(index)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=[index]) for index in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return results


def life_of(optimizer: op.Optimizer) -> list[Array]:
    """Most of what can be done with an optimizer, and what it leaves."""
    rng = np.random.default_rng(4)
    (param,) = optimizer.params
    group = optimizer.param_groups[0]
    if "lr" in group:
        op.schedules.ExponentialLR(gamma=0.9).attach(optimizer)
    for step in range(4):
        optimizer.step([spread(rng, param.shape, param.dtype)], grad_scale=1.0 + step)
        optimizer.load_state_dict(optimizer.state_dict())
    optimizer.bind_gradients([spread(rng, param.shape, param.dtype)])
    optimizer.step()
    optimizer.add_param_group({"params": [np.ones(3, param.dtype)]})
    optimizer.step([None, np.ones(3, param.dtype)])
    return [array.copy() for array in arrays_of(optimizer)]


@pytest.mark.parametrize("cls", some(CLASSES, kind_of_class), ids=lambda cls: cls.__name__)
def test_every_optimizer(cls: type[op.Optimizer]) -> None:
    def work(_: int) -> list[Array]:
        return life_of(op.create(cls.__name__.lower(), [np.linspace(-1, 1, 40_000)], clip_norm=1.0, ema=True))

    for arrays in at_once(work):
        assert_same_bits(arrays, work(0))


def test_every_function_of_the_module() -> None:
    def work(_: int) -> list[Array]:
        found = []
        for signature in signatures.values():
            shapes = [(40, 25), (40, 25), *(slot.shape((40, 25)) for slot in signature.rule.slots)]
            arrays = [np.linspace(0.1, 1, math.prod(shape)).reshape(shape) for shape in shapes]
            scalars = {name: np.array(0.5) for name in signature.scalars}
            getattr(op.functional, signature.function_name)(*arrays, step=3, **scalars)
            found += arrays
        return found

    for arrays in at_once(work):
        assert_same_bits(arrays, work(0))


def test_every_solver() -> None:
    t = np.linspace(0, 4, 500)
    y = 2 * np.exp(-1.3 * t) + 0.5

    def residuals(x: Array) -> Array:
        return np.asarray(x[0] * np.exp(-x[1] * t) + x[2] - y)

    def bowl(x: Array) -> tuple[float, Array]:
        return float((x * x).sum()), 2 * x

    def work(_: int) -> list[Array]:
        start = np.array([1.0, 1.0, 0.0])
        many = np.tile(start, (20, 1))
        found = [op.minimize(bowl, start, jac=True, method=name).x for name in ("lbfgs", "bfgs", "cg", "newton-cg")]
        found.append(op.least_squares(residuals, start).x)
        found.append(op.least_squares_batch(lambda x, rows: x[:, :1] * np.exp(-x[:, 1:2] * t) + x[:, 2:] - y, many).x)
        point = np.ones(50_000)
        solver = op.LBFGS([point])
        for _ in range(3):
            solver.step(lambda: (float((point * point).sum()), [2 * point]))
        return [*found, point]

    for arrays in at_once(work):
        assert_same_bits(arrays, work(0))


def test_settings_of_the_process_change_no_bit(rng: np.random.Generator) -> None:
    """Four threads take steps while four change level, layer and number of threads."""
    gradient = spread(rng, 100_000, np.float32)
    done = threading.Event()

    def work(index: int) -> list[Array]:
        if index % 2:
            for number in itertools.count(index):
                if done.is_set():
                    return []
                op.set_threading_layer(LAYERS[number % len(LAYERS)])
                op.set_num_threads(1 + number % 3)
                op.show_config()
                with op.use_isa(ISAS[number % len(ISAS)]):
                    pass
        try:
            optimizer = build("adamw", [np.ones(100_000, np.float32)], clip_norm=1.0)
            for _ in range(20):
                optimizer.step([gradient])
            return list(arrays_of(optimizer))
        finally:
            done.set()

    try:
        found = [arrays for arrays in at_once(work) if arrays]
    finally:
        _core.set_isa(ISAS[0])  # who leaves use_isa restores what another had set
    for arrays in found:
        assert_same_bits(arrays, found[0])


@pytest.mark.parametrize("rule", some(RULES))
def test_one_optimizer_for_all(rule: str) -> None:
    """A step is refused while another runs; all else waits; nothing is torn."""
    optimizer = build(rule, [np.ones(50_000)])
    taken = [0] * THREADS
    refused: list[str] = []

    def work(index: int) -> None:
        for number in range(10):
            try:
                optimizer.step([np.ones(50_000)])
                taken[index] += 1
            except RuntimeError as error:
                refused.append(str(error))
            saved = optimizer.state_dict()["state"][0]
            assert all((array == np.ravel(array)[0]).all() for array in saved.values())
            if number % 3 == 0:
                optimizer.bind_gradients([np.zeros(50_000)])
                optimizer.assign({"weight_decay": 0.0} if "weight_decay" in optimizer.param_groups[0] else {})
            assert len(repr(optimizer)) > 0
            assert len(optimizer.params) == 1

    at_once(work)
    assert int(optimizer.state[0]["step"]) == sum(taken)
    assert all("already running" in error for error in refused)


def test_the_first_use_of_everything_by_all_at_once() -> None:
    """Also what is looked up or loaded once."""
    code = """
import threading, numpy as np, onepass as op
start = threading.Barrier(8)
def work():
    start.wait()
    rows = op.SparseRows(np.array([1]), np.ones((1, 3)))
    op.SGD([np.ones((4, 3))], momentum=0.0).step([rows])
    op.show_config()
    op.AdamW([np.ones(2**17)]).step([np.ones(2**17)])
threads = [threading.Thread(target=work) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print("done")
"""
    assert run_python(code).stdout == "done\n"
