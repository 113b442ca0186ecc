"""Does a run that is saved and goes on elsewhere have the bits of one that was never interrupted?"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import resumed_runs
from cases import ISAS, Snapshot, arrays_of, assert_same_bits

import onepass as op


@pytest.fixture(scope="module")
def resumed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What all runs have saved in the end: the first half is of this process, the second of another kind of process."""
    pytest.importorskip("ml_dtypes")
    folder = tmp_path_factory.mktemp("runs")
    for name in resumed_runs.names():
        opt = resumed_runs.build(name)
        resumed_runs.go_on(opt, 0)
        op.save(folder / name, opt, extra=name)
    environment = {
        "ONEPASS_ISA": ISAS[-1],
        "ONEPASS_NUM_THREADS": "3",
        "ONEPASS_THREADING_LAYER": "pool" if op.get_threading_layer() != "pool" else "serial",
    }
    command = [sys.executable, "-W", "error", resumed_runs.__file__, str(folder)]
    subprocess.run(command, env=os.environ | environment, check=True, timeout=300)
    return folder


@pytest.mark.parametrize("name", resumed_runs.names())
def test_going_on_in_another_process_changes_no_bit(resumed: Path, name: str) -> None:
    straight = resumed_runs.build(name)
    resumed_runs.go_on(straight, 0)
    resumed_runs.go_on(straight, resumed_runs.HALF)
    loaded = resumed_runs.build(name, fresh=True)
    op.load(resumed / name, loaded)
    assert_same_bits(arrays_of(loaded), arrays_of(straight))
    assert loaded.pending == straight.pending
    for one, other in zip(loaded.param_groups, straight.param_groups, strict=True):
        assert one.hyperparameters() == other.hyperparameters()
        assert (one.schedule and vars(one.schedule)) == (other.schedule and vars(other.schedule))


def test_E15_a_file_is_of_one_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another thread steps: all parameters, averages and counts of a file belong to the same step."""
    monkeypatch.setattr("onepass.checkpoint.saving.PIECE", 2**10)
    shapes = {f"p{i}": 1000 for i in range(20)}
    opt = op.SGD({name: np.zeros(size) for name, size in shapes.items()}, lr=1.0, ema=True, ema_decay=0.0)
    gradients = {name: -np.ones(size) for name, size in shapes.items()}
    done = threading.Event()

    def steps() -> None:
        while not done.is_set():
            opt.step(gradients)

    stepping = threading.Thread(target=steps)
    stepping.start()
    seen = set()
    try:
        for number in range(20):
            path = tmp_path / str(number)
            op.save(path, opt)
            other = op.SGD({name: np.zeros(size) for name, size in shapes.items()}, lr=1.0, ema=True)
            op.load(path, other)
            (step,) = {int(state["step"]) for state in other.state}
            assert {float(one) for array in (*other.params, *other.ema) for one in array} <= {float(step)}
            seen.add(step)
    finally:
        done.set()
        stepping.join()
    assert len(seen) > 1


@pytest.mark.parametrize("method", ["save", "load"])
def test_a_step_that_saves_or_loads_its_own_optimizer_is_refused(tmp_path: Path, method: str) -> None:
    path = tmp_path / "run"

    class Meddling(op.schedules.Schedule):
        def __call__(self, t: int, base_lr: float) -> float:
            if opt.state[0]["step"]:
                getattr(op, method)(path, opt)
            return base_lr

    opt = op.SGD([np.ones(3)], lr=0.5)
    op.save(path, op.SGD([np.ones(3)], lr=0.5))
    Meddling().attach(opt)
    opt.step([np.ones(3)])
    before = Snapshot(opt)
    with pytest.raises(RuntimeError, match="is running on this optimizer"):
        opt.step([np.ones(3)])
    before.assert_unchanged()
    assert os.listdir(tmp_path) == ["run"]
