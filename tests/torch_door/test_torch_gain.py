"""Does `python -m onepass.torch` time alike work, and say what it found?"""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from twins import torch

from onepass.torch import gain

pytestmark = pytest.mark.peers


@pytest.mark.parametrize("task", [gain.MLP, gain.DEEP], ids=lambda task: task.name)
@pytest.mark.parametrize("turn_of", [gain.step_of, gain.iteration_of])
def test_all_contenders_do_the_same_work(turn_of: Any, task: Any) -> None:
    turns = {name: turn_of(task, contender) for name, contender in gain.ADAMW.items()}
    start = [param.detach().clone() for param in turns[gain.OWN].params]
    times = gain.times_of(turns, rounds=2, limit=60.0, warm=1)
    assert {name: len(found) for name, found in times.items()} == dict.fromkeys(gain.ADAMW, 2)
    own = turns[gain.OWN].params
    for turn in turns.values():
        for one, other, before in zip(turn.params, own, start, strict=True):
            assert not torch.equal(one, before)
            torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_a_limit_ends_the_rounds() -> None:
    times = gain.times_of({gain.OWN: gain.Turn(lambda: None, lambda: None, [])}, rounds=50, limit=0.0)
    assert len(times[gain.OWN]) == 3


def test_ratios_are_taken_round_by_round() -> None:
    found = gain.ratios({gain.OWN: [1.0, 2.0, 4.0], "other": [2.0, 4.0, 40.0]})
    assert found == {gain.OWN: 1.0, "other": 2.0}


def test_the_command() -> None:
    command = [sys.executable, "-W", "error", "-m", "onepass.torch", "--rounds", "1", "--threads", "1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.startswith("threads: 1, torch ")
    for name in gain.ADAMW:
        assert done.stdout.count(f"\n  {name} ") == 4
