"""Fault F15: memory that is not to be had, at each allocation of a call in turn."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cases import LAYERS, run_python

SHIM = Path(__file__).with_name("failing_malloc.c")

CODE = """
import ctypes, itertools
import numpy as np, onepass as op

shim = ctypes.PyDLL(None)
shim.onepass_fail_after.argtypes = [ctypes.c_long]
op.set_num_threads(2)
gradients = [np.full(SIZE, 0.5, np.float32), np.ones(5, np.float32)]
options = dict(clip_norm=1.0, skip_nonfinite=True)

def build(steps=1, schedule=False, **more):
    optimizer = op.Adagrad({"w": np.ones(SIZE, np.float32), "b": np.ones(5, np.float32)}, **more)
    if schedule:
        op.schedules.StepLR(1, 0.5).attach(optimizer)
    for _ in range(steps):
        optimizer.step(gradients, **(options if more else {}))
    return optimizer

def everything(optimizer):
    arrays = [*optimizer.params, *(array for state in optimizer.state for array in state.values())]
    groups = [(group.hyperparameters(), group.schedule is None) for group in optimizer.param_groups]
    return [array.tobytes() for array in arrays + (optimizer.mirror or [])], groups, optimizer.pending

def refused_at(number, call):
    shim.onepass_fail_after(number)
    error = None
    try:
        call()
    except BaseException as caught:
        error = caught
    while True:
        try:
            shim.onepass_fail_after(-1)
            break
        except (MemoryError, ctypes.ArgumentError):
            pass
    return bool(shim.onepass_has_refused()), error

def walk(make, call, all_or_nothing):
    refusals = 0
    expected, other = make(), make()
    call(expected)()
    expected = everything(expected)
    for number in itertools.count():
        optimizer = make()
        attempt = call(optimizer)
        before = everything(optimizer)
        refused, error = refused_at(number, attempt)
        if not refused:
            assert error is None, error
            break
        found = everything(optimizer)
        if error is None:
            assert found == expected
            continue
        refusals += 1
        assert isinstance(error, MemoryError | SystemError), repr(error)  # NumPy may fail without a word why
        assert found == before or (found == expected and not all_or_nothing), (number, repr(error))
        if found == before:
            call(optimizer)()  # it works as if nothing had been
            assert everything(optimizer) == expected, number
    print("refused", refusals)
"""

#: How to build an optimizer, what is called, and whether an error says that nothing at all has changed: what returns
#: something, or leaves a `with`, can lack memory behind what it was to do, which is then done as a whole.
CALLS = {
    "first step": ("lambda: build(0)", "lambda o: lambda: o.step(gradients)", True),
    "later step": ("build", "lambda o: lambda: o.step(gradients)", True),
    "other gradients": ("build", "lambda o: lambda g=[g.copy() for g in gradients]: o.step(g)", True),
    "scheduled step": ("lambda: build(schedule=True)", "lambda o: lambda: o.step(gradients)", True),
    "whole step": (
        "lambda: build(ema=True, mirror='float16')",
        "lambda o: lambda: o.step(gradients, **options)",
        False,
    ),
    "bind_gradients": ("lambda: build(0)", "lambda o: lambda: o.bind_gradients(gradients)", True),
    "state_dict": ("build", "lambda o: o.state_dict", True),
    "load_state_dict": ("build", "lambda o: lambda s=build(2, lr=0.5).state_dict(): o.load_state_dict(s)", False),
    "add_param_group": ("build", "lambda o: lambda: o.add_param_group({'params': {'c': np.ones(7)}})", False),
    "assign": ("lambda: build(0)", "lambda o: lambda: o.assign({'lr': 0.5, 'eps': 0.5})", False),
    "setting lr": ("build", "lambda o: lambda g=o.param_groups[0]: g.update(lr=0.5)", False),
    "attach": ("build", "lambda o: lambda s=op.schedules.StepLR(1, 0.5): s.attach(o)", False),
}


@pytest.fixture(scope="session")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The preloaded library, compiled."""
    if sys.platform != "linux" or platform.libc_ver()[0] != "glibc":
        pytest.skip("stands in for glibc's allocator")
    if not (compiler := shutil.which("cc")):
        pytest.skip("needs cc")
    library = tmp_path_factory.mktemp("shim") / "failing_malloc.so"
    subprocess.run([compiler, "-O1", "-shared", "-fPIC", str(SHIM), "-o", str(library)], check=True)
    return library


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if "step" in name else [pytest.mark.exhaustive]) for name in CALLS]
)
def test_F15_each_allocation_fails_in_turn(name: str, shim: Path) -> None:
    make, call, all_or_nothing = CALLS[name]
    # Python's own allocator would ask for memory once in many times.
    environment = {"LD_PRELOAD": str(shim), "PYTHONMALLOC": "malloc"}
    for layer in {"auto", "openmp"} & set(LAYERS) if name == "first step" else {"auto"}:
        # Of 40,000 elements a step is shared among threads.
        code = f"SIZE = {40_000 if 'step' in name else 50}\n{CODE}\nwalk({make}, {call}, {all_or_nothing})"
        done = run_python(code, ONEPASS_THREADING_LAYER=layer, **environment)
        assert done.returncode == 0, done.stderr
        kind, refusals = done.stdout.split()
        assert kind == "refused"
        assert int(refusals) >= 4
