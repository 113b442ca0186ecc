"""Does `python -m onepass.torch` time alike work, and say what it found?"""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from twins import torch

from onepass.bench import turns
from onepass.torch import gain

pytestmark = pytest.mark.peers


@pytest.mark.parametrize("task", [gain.MLP, gain.DEEP], ids=lambda task: task.name)
@pytest.mark.parametrize("turn_of", [gain.step_of, gain.iteration_of])
def test_all_contenders_do_the_same_work(turn_of: Any, task: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "RUN_IN", 0.0)  # in a given time one makes more steps than another
    contenders = {name: turn_of(task, contender) for name, contender in gain.ADAMW.items()}
    start = [param.detach().clone() for param in contenders[turns.OWN].params]
    times = turns.times_of(contenders, rounds=2, limit=60.0, warm=1)
    assert {name: len(found) for name, found in times.items()} == dict.fromkeys(gain.ADAMW, 2)
    own = contenders[turns.OWN].params
    for turn in contenders.values():
        for one, other, before in zip(turn.params, own, start, strict=True):
            assert not torch.equal(one, before)
            torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_the_command() -> None:
    command = [sys.executable, "-W", "error", "-m", "onepass.torch", "--rounds", "1", "--threads", "1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.startswith("threads: 1, torch ")
    for name in gain.ADAMW:
        assert done.stdout.count(f"\n  {name} ") == 4
