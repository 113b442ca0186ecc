"""Group F of the faults: processes, threads, signals and memory that fail at the worst moment."""

from __future__ import annotations

import os
import re
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import CLASSES, LAYERS, Snapshot, arrays_of, assert_same_bits, run_python, trained

import onepass as op
from onepass import config
from onepass.arrays import Array
from onepass.optimizer import Optimizer

on_every_optimizer = pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
on_every_layer = pytest.mark.parametrize("layer", LAYERS)
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="as Linux does it")

SIZE = 2**18
GRADIENTS = [np.full((4, 5), 0.5, np.float32), np.full(5, -0.5, np.float32)]

#: A module of its own, as a new process imports it: steps that are shared among threads, and what comes of them.
WORK = """
import os, sys, warnings
import numpy as np
import onepass as op
warnings.filterwarnings("ignore", ".*fork.*")  # Python's own, of forks beside threads

def stepped(optimizer):
    for _ in range(2):
        optimizer.step([np.full(2**18, 0.5)])
    return optimizer.params[0][[0, -1]].tolist(), int(optimizer.state[0]["step"])

def made():
    op.set_num_threads(2)
    return op.AdamW([np.ones(2**18)])
"""


def printed(code: str, **environment: str) -> str:
    done = run_python(WORK + code, **environment)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


# Processes


@on_linux
@pytest.mark.parametrize(
    ("method", "layer"),
    [
        pytest.param(method, layer, marks=[] if layer == "auto" and method != "forkserver" else [pytest.mark.slow])
        for method in ("fork", "forkserver", "spawn")
        for layer in LAYERS
    ],
)
def test_F1_F3_processes_of_multiprocessing(method: str, layer: str, tmp_path: Path) -> None:
    """Behind a step on threads; the optimizer goes to each by fork or as a pickle, and back as a pickle."""
    script = tmp_path / "work.py"
    script.write_text(
        WORK
        + f"""
import multiprocessing
def there(optimizer):
    return stepped(optimizer), optimizer
if __name__ == "__main__":
    optimizer = made()
    stepped(optimizer)
    with multiprocessing.get_context({method!r}).Pool(2) as pool:
        found = pool.map_async(there, [optimizer] * 3).get(timeout=50)
    expected = stepped(optimizer)
    for seen, back in found:
        assert seen == expected
        assert back.params[0].tobytes() == optimizer.params[0].tobytes()
        assert stepped(back)[1] == 6
    print("done")
"""
    )
    code = f"import runpy, sys; sys.argv = [{str(script)!r}]; runpy.run_path({str(script)!r}, run_name='__main__')"
    done = run_python(code, ONEPASS_THREADING_LAYER=layer)
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr


@on_linux
@pytest.mark.peers
def test_F1_workers_of_a_data_loader() -> None:
    pytest.importorskip("torch")
    code = """
import torch
class Data(torch.utils.data.Dataset):
    def __len__(self):
        return 4
    def __getitem__(self, index):
        return torch.tensor(stepped(optimizer)[0])
for layer in op.show_config()["threading_layers"]:
    if not layer.startswith("no "):
        op.set_threading_layer(layer.split()[0])
        optimizer = made()
        stepped(optimizer)
        batches = list(torch.utils.data.DataLoader(Data(), batch_size=2, num_workers=2, timeout=50))
        expected = torch.tensor(stepped(optimizer)[0])
        assert all((batch[0] == expected).all() for batch in batches)
print("done")
"""
    assert printed(code).endswith("done\n")


# Threads


@on_every_optimizer
def test_F4_everything_at_once_with_one_optimizer(cls: type[Optimizer]) -> None:
    """Steps are made one by one or refused, all else waits, and what is seen meanwhile is of one moment."""
    optimizer = cls([np.ones(40_000, np.float32)])
    gradient, errors, taken = np.ones(40_000, np.float32), list[BaseException](), [0] * 3
    saved = optimizer.state_dict()
    op.set_num_threads(2)

    def step(index: int) -> None:
        try:
            optimizer.step([gradient, *[None] * (len(optimizer.params) - 1)])
            taken[index] += 1
        except (RuntimeError, ValueError) as error:  # another step is running, or a group has come in between
            if not re.search("already running|gradients for", str(error)):
                raise

    def look(_: int) -> None:
        state = optimizer.state_dict()["state"][0]
        assert all(np.ptp(value) == 0 for value in state.values())

    def load(_: int) -> None:
        with pytest.raises(ValueError, match="version 0"):
            optimizer.load_state_dict({**saved, "version": 0})

    works: list[Callable[[int], object]] = [
        *[step] * 3,
        look,
        lambda number: optimizer.add_param_group({"params": [np.ones(3)]}) if number % 5 == 0 else None,
        lambda _: optimizer.assign({"maximize": False}),
        lambda _: (op.schedules.StepLR(3).attach(optimizer, 0), optimizer.detach_schedule(0)),
        load,
    ]

    def run(index: int) -> None:
        try:
            for number in range(12):
                works[index](index if index < 3 else number)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=[index]) for index in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert int(optimizer.state[0]["step"]) == sum(taken)
    assert len(optimizer.param_groups) == 4


@on_every_layer
def test_F5_what_a_step_reads_outlives_its_last_reference(layer: str) -> None:
    """The list is emptied and the optimizer dropped while the step is at work, and the memory is wanted for NaNs."""
    op.set_threading_layer(layer)
    op.set_num_threads(2)
    expected = op.AdamW([np.ones(2**20, np.float32)])
    expected.step([np.full(2**20, 0.5, np.float32)])
    for _ in range(4):
        taken = threading.Event()

        class Telling(list[Array]):
            def __getitem__(self, index: Any, taken: threading.Event = taken) -> Any:
                item = super().__getitem__(index)
                taken.set()
                return item

        param = np.ones(2**20, np.float32)
        gradients = Telling([np.full(2**20, 0.5, np.float32)])
        stepper = threading.Thread(target=op.AdamW([param]).step, args=[gradients])
        stepper.start()
        assert taken.wait(10)
        while stepper.is_alive():
            gradients.clear()
            np.full(2**20, np.nan, np.float32)
        stepper.join()
        assert_same_bits([param], expected.params)


@on_linux
@pytest.mark.parametrize("layer", ["auto", "serial"])
def test_F8_control_c_comes_behind_a_step(layer: str) -> None:
    code = """
import signal, threading, time
optimizer = made()
gradient = np.full(2**18, 0.5)
optimizer.step([gradient])
interrupted = 0
for number in range(30):
    try:
        threading.Timer(0.0005 * (number % 3), signal.raise_signal, [signal.SIGINT]).start()
        ends = time.monotonic() + 5
        while time.monotonic() < ends:
            optimizer.step([gradient])
    except KeyboardInterrupt:
        interrupted += 1
    state = optimizer.state[0]
    assert all(np.ptp(array) == 0 for array in (optimizer.params[0], state["exp_avg"], state["exp_avg_sq"]))
again = op.AdamW([np.ones(2**18)])
for _ in range(int(optimizer.state[0]["step"])):
    again.step([gradient])
assert again.params[0].tobytes() == optimizer.params[0].tobytes()
print(interrupted)
"""
    assert printed(code, ONEPASS_THREADING_LAYER=layer) == "30\n"


@on_every_optimizer
def test_F8_loading_that_is_interrupted_is_finished_first(cls: type[Optimizer]) -> None:
    """As a signal's handler may do it: between the arrays of two groups, once."""
    interrupts = False

    class Interrupts(op.schedules.Schedule):
        def __call__(self, t: int, base_lr: float) -> float:
            return base_lr

        def load_state_dict(self, saved: object) -> None:
            nonlocal interrupts
            if interrupts:
                interrupts = False
                raise KeyboardInterrupt

    def made(lr: float) -> Optimizer:
        optimizer = cls([{"params": [np.ones(3)]}, {"params": [np.ones(4)]}], lr=lr)
        Interrupts().attach(optimizer)
        for _ in range(int(8 * lr)):
            optimizer.step([np.ones(3), np.ones(4)])
        return optimizer

    source, target = made(0.5), made(0.25)
    interrupts = True
    with pytest.raises(KeyboardInterrupt):
        target.load_state_dict(source.state_dict())
    for mine, theirs in zip(target.state, source.state, strict=True):
        assert_same_bits(mine.values(), theirs.values())
    assert target.lr == 0.5


class Mine(ValueError):
    """An exception of the caller's own."""


@on_every_optimizer
@pytest.mark.parametrize("error", [Mine("mine"), TypeError("mine"), KeyboardInterrupt(), SystemExit(3)], ids=repr)
def test_F9_an_exception_of_the_caller_comes_through(cls: type[Optimizer], error: BaseException) -> None:
    """The very object, of a schedule and of a sequence of gradients; nothing has changed, and all goes on."""
    raises = False

    class Raises(op.schedules.Schedule):
        def __call__(self, t: int, base_lr: float) -> float:
            if raises:
                raise error
            return base_lr

    class Spoilt(list[Array]):
        def __getitem__(self, index: Any) -> Any:
            if raises and index == 1:
                raise error
            return super().__getitem__(index)

    optimizer, twin = (trained(cls, ema=True, zero_grad=False) for _ in range(2))
    Raises().attach(optimizer)
    gradients = Spoilt(GRADIENTS)
    before = Snapshot(optimizer)
    raises = True
    for given in (GRADIENTS, gradients):
        with pytest.raises(type(error)) as caught:
            optimizer.step(given)
        assert caught.value is error
        before.assert_unchanged()
        optimizer.detach_schedule()
        before = Snapshot(optimizer)
    raises = False
    for each in (optimizer, twin):
        each.step(gradients)
    assert_same_bits(arrays_of(optimizer), arrays_of(twin))


@on_linux
@pytest.mark.parametrize(
    ("layer", "end"),
    [
        *((layer, "") for layer in LAYERS),
        ("auto", "sys.exit(0)"),
        ("auto", "os.kill(os.getpid(), signal.SIGTERM)"),
        ("auto", "threading.Thread(target=last).start()"),
    ],
)
def test_F11_python_ends_with_a_live_pool(layer: str, end: str) -> None:
    """And a step at exit, when other threads are gone."""
    code = f"""
import atexit, signal, threading, time
optimizer = made()
optimizer.step([np.ones(2**18)])
def last():
    optimizer.step([np.ones(2**18)])
    print("stepped", flush=True)
atexit.register(last)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
{end}
"""
    assert set(printed(code, ONEPASS_THREADING_LAYER=layer).split()) == {"stepped"}


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({"cpu.max": "max 100000"}, 8),
        ({"cpu.max": "150000 100000"}, 2),
        ({"cpu.max": "1000 100000"}, 1),
        ({"cpu.max": "900000 100000"}, 8),
        ({"cpu.max": "nonsense"}, 8),
        ({"cpu.max": ""}, 8),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, 8),
        ({"cpu/cpu.cfs_quota_us": "250000", "cpu/cpu.cfs_period_us": "100000"}, 3),
        ({"cpu/cpu.cfs_quota_us": "250000", "cpu/cpu.cfs_period_us": "0"}, 8),
        ({}, 8),
    ],
    ids=str,
)
def test_F13_the_quota_of_a_control_group(
    files: dict[str, str], cores: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(config, "Path", lambda path: tmp_path / Path(path).relative_to("/sys/fs/cgroup"))
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(8), raising=False)
    assert config.usable_cores() == cores


NORM = """
print(stepped(made()), np.linalg.norm(np.ones((300, 300)) @ np.ones((300, 300))))
"""


@pytest.fixture(scope="module")
def alone() -> str:
    """What that prints where nobody else uses threads."""
    return printed(NORM)


@pytest.mark.peers
@pytest.mark.parametrize("order", ["before", "after"])
@pytest.mark.parametrize("module", ["torch", "sklearn", "xgboost", "scipy.linalg"])
def test_F14_beside_other_users_of_threads(module: str, order: str, alone: str) -> None:
    """Imported before or after: the same bits, and the other library works on."""
    pytest.importorskip(module.partition(".")[0])
    importing = f"import {module}\n"
    for layer in {"auto", "openmp"} & set(LAYERS):
        run = run_python(
            (importing if order == "before" else "") + WORK + (importing if order == "after" else "") + NORM,
            ONEPASS_THREADING_LAYER=layer,
        )
        assert (run.returncode, run.stdout) == (0, alone), run.stderr
