"""A step and its copies are whole: whatever interrupts, forks, copies, changes or calls it meanwhile."""

from __future__ import annotations

import copy
import os
import pickle
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from cases import Snapshot, run_python

import onepass as op
from onepass.arrays import Array

NEEDS_FORK = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


class Alarm(Exception):
    """What the handler of a signal raises."""


@contextmanager
def alarms() -> Iterator[tuple[Callable[[float], object], list[bool]]]:
    """A function that lets a signal's handler raise after so many seconds, if the item is true by then."""
    armed = [False]  # no event: its lock could be held where the handler comes

    def ring(*_: object) -> None:
        if armed[0]:
            armed[0] = False
            raise Alarm

    before = signal.signal(signal.SIGALRM, ring)
    try:
        yield lambda seconds: signal.setitimer(signal.ITIMER_REAL, seconds), armed
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs signals")
@pytest.mark.parametrize("accumulate", [1, 3])
def test_a_signal_comes_before_or_behind_all_that_a_step_changes(accumulate: int) -> None:
    gradients = [np.ones(200_000, np.float32)]
    optimizer = op.AdamW([np.ones(200_000, np.float32)], accumulate=accumulate)
    op.schedules.StepLR(10**6).attach(optimizer)
    optimizer.step(gradients)
    duration = min(_seconds(lambda: optimizer.step(gradients)) for _ in range(6))
    rng, rung = np.random.default_rng(0), 0
    with alarms() as (set_alarm, armed):
        for _ in range(300):
            calls = _calls(optimizer)
            armed[0] = True
            try:
                set_alarm(float(rng.uniform(0.2, 1.2)) * duration)
                optimizer.step(gradients)
                armed[0] = False
            except Alarm:
                rung += 1
            assert _calls(optimizer) - calls in (0, 1)
            saved = optimizer.state_dict()["param_groups"][0]["schedule"]
            assert saved["steps"] == optimizer.state[0]["step"]
    assert rung > 30


def _calls(optimizer: op.Optimizer) -> int:
    state = optimizer.state[0]
    return int(state["step"]) * optimizer.options.accumulate + optimizer.pending[0]


def _seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


@contextmanager
def stepping(optimizer: op.Optimizer, gradients: list[Array]) -> Iterator[None]:
    """Another thread steps all the while."""
    over = threading.Event()

    def work() -> None:
        while not over.is_set():
            optimizer.step(gradients)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


COPIES: dict[str, Callable[[op.Optimizer], op.Optimizer]] = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": lambda optimizer: pickle.loads(pickle.dumps(optimizer)),
}


@pytest.mark.parametrize("make", COPIES.values(), ids=COPIES.keys())
def test_a_copy_is_of_one_moment(make: Callable[[op.Optimizer], op.Optimizer]) -> None:
    params = [np.zeros(100_000, np.float32) for _ in range(4)]
    optimizer = op.Adam(params, lr=1e-3)
    op.schedules.ExponentialLR(0.999).attach(optimizer)
    with stepping(optimizer, [np.ones(100_000, np.float32)] * 4):
        for _ in range(16):
            state, *others = make(optimizer).state
            steps = int(state["step"])
            for other in others:
                assert other["step"] == steps
                assert other["exp_avg"].tobytes() == state["exp_avg"].tobytes()
            assert np.ptp(state["exp_avg"]) == 0
            assert state["exp_avg"][0] == pytest.approx(1 - 0.9**steps, rel=1e-4)


def test_a_step_waits_for_a_copy() -> None:
    optimizer = op.SGD([np.zeros(3)])
    begun, go_on = threading.Event(), threading.Event()

    class Slow(op.schedules.Schedule):
        def __call__(self, t: int, base_lr: float) -> float:
            return base_lr

        def __deepcopy__(self, memo: object) -> Slow:
            begun.set()
            assert go_on.wait(10)
            return self

    Slow().attach(optimizer)
    copier = threading.Thread(target=lambda: copy.copy(optimizer))
    copier.start()
    assert begun.wait(10)
    stepper = threading.Thread(target=lambda: optimizer.step([np.ones(3)]))
    stepper.start()
    stepper.join(0.1)
    assert stepper.is_alive()
    assert optimizer.state[0]["step"] == 0
    go_on.set()
    copier.join(10)
    stepper.join(10)
    assert optimizer.state[0]["step"] == 1


@NEEDS_FORK
def test_a_child_forked_while_another_thread_steps_works() -> None:
    code = """
import os, threading, time, warnings
import numpy as np, onepass as op
warnings.simplefilter("ignore")  # Python's own, of forking beside threads
optimizer = op.Adam([np.zeros(500_000, np.float32)])
gradients = [np.ones(500_000, np.float32)]
def work():
    while True:
        optimizer.step(gradients)
threading.Thread(target=work, daemon=True).start()
for _ in range(10):
    time.sleep(0.003)
    child = os.fork()
    if not child:
        optimizer.state_dict()
        before = int(optimizer.state[0]["step"])
        optimizer.step(gradients)
        os._exit(int(optimizer.state[0]["step"]) != before + 1)
    assert os.waitpid(child, 0)[1] == 0
os._exit(0)
"""
    assert run_python(code).returncode == 0


@pytest.mark.parametrize("size", [1000, 1_000_000])
def test_python_ends_while_a_daemon_thread_steps(size: int) -> None:
    code = f"""
import threading, time
import numpy as np, onepass as op
optimizer = op.Adam([np.zeros({size}, np.float32)])
gradients = [np.ones({size}, np.float32)]
def work():
    while True:
        optimizer.step(gradients)
threading.Thread(target=work, daemon=True).start()
time.sleep(0.05)
"""
    for _ in range(4):
        done = run_python(code)
        assert (done.returncode, done.stderr) == (0, "")


def test_python_code_runs_before_the_last_look() -> None:
    """A list may change the parameters when it is asked for its items."""
    param = np.zeros(1000)
    optimizer = op.SGD([param, np.zeros(3)])

    class Resizes(list[Array]):
        def __getitem__(self, index: Any) -> Any:
            if index == 1:
                param.resize(10, refcheck=False)
            return super().__getitem__(index)

    class Locks(list[Array]):
        def __getitem__(self, index: Any) -> Any:
            if index == 1:
                other.flags.writeable = False
            return super().__getitem__(index)

    with pytest.raises(ValueError, match=r"^step: parameter 0 has changed its memory"):
        optimizer.step(Resizes([np.ones(1000), np.ones(3)]))
    other = np.zeros(1000)
    optimizer = op.SGD([other, np.zeros(3)])
    with pytest.raises(ValueError, match=r"^step: parameter 0 is read-only"):
        optimizer.step(Locks([np.ones(1000), np.ones(3)]))
    assert not other.any()


def test_another_byte_order_in_the_place_of_a_dtype_is_seen() -> None:
    memory = np.ones(4, np.uint32)
    optimizer = op.SGD([np.zeros(4, np.float32)])
    for _ in range(100):
        native = memory.view(np.dtype(">f4").newbyteorder("="))
        optimizer.step([native])
        del native
        with pytest.raises(TypeError, match="byte order"):
            optimizer.step([memory.view(np.dtype("=f4").newbyteorder(">"))])


def test_scalar_state_is_no_other_array() -> None:
    x, zeros = np.ones(()), [np.zeros(()) for _ in range(3)]
    with pytest.raises(ValueError, match=r"^nadam_: .* share memory"):
        op.functional.nadam_(x, *zeros, mu_product=x, step=1)
    optimizer = op.NAdam([np.ones(())])
    before = Snapshot(optimizer)
    for name in ("mu_product", "step"):
        with pytest.raises(ValueError, match=r"shares memory"):
            optimizer.step([optimizer.state[0][name].view(np.float64)], zero_grad=True)
    before.assert_unchanged()


def test_a_step_that_calls_itself_is_refused() -> None:
    optimizer = op.SGD([np.zeros(3)])
    calls: dict[str, Callable[[], object]] = {
        "step": lambda: optimizer.step([np.ones(3)]),
        "load_state_dict": lambda: optimizer.load_state_dict({}),
        "state_dict": optimizer.state_dict,
        "assign": lambda: optimizer.assign({"lr": 1.0}),
        "add_param_group": lambda: optimizer.add_param_group({"params": [np.zeros(3)]}),
        "detach_schedule": optimizer.detach_schedule,
        "__deepcopy__": lambda: copy.deepcopy(optimizer),
    }
    called = ""

    class Calls(op.schedules.Schedule):
        def __call__(self, t: int, base_lr: float) -> float:
            if called:
                calls[called]()
            return base_lr

    class Found:
        def __array__(self, *_: object, **__: object) -> Array:
            calls[called]()
            return np.zeros(())

    def refuses(**found_inf: Any) -> None:
        with pytest.raises(
            RuntimeError, match=rf"^SGD: step\(\) is running on this optimizer, and has called {called}\(\)$"
        ):
            optimizer.step([np.ones(3)], **found_inf)

    for called in calls:  # noqa: B007  (it is read above)
        refuses(found_inf=Found())
    called = ""
    Calls().attach(optimizer)
    for called in calls:  # noqa: B007
        refuses()
    assert optimizer.state[0]["step"] == 0
    assert not optimizer.params[0].any()


def test_a_subinterpreter_gets_an_answer() -> None:
    code = """
try:
    import _interpreters as interpreters
except ModuleNotFoundError:
    import _xxsubinterpreters as interpreters
one = interpreters.create()
try:
    interpreters.run_string(one, "try:\\n    import onepass\\nexcept ImportError:\\n    pass\\n")
finally:
    interpreters.destroy(one)
print("done")
"""
    done = run_python(code)
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr
