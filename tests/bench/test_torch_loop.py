"""Does the benchmark of training loops time alike work, and judge its bars?"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.peers

sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))

import torch_loop  # noqa: E402

import onepass as op  # noqa: E402
from onepass.bench.turns import OWN, times_of  # noqa: E402


@pytest.fixture(autouse=True)
def _threads() -> Any:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("name", ["lstm", "transformer", "whole"])
def test_all_contenders_do_the_same_work(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onepass.bench.turns.RUN_IN", 0.0)  # in a given time one makes more steps than another
    row = torch_loop.rows(True)[name]
    turns = {rival: row.turn_of(contender) for rival, contender in row.contenders.items()}
    times_of(turns, rounds=2, limit=0.0, warm=0)
    for turn in turns.values():
        for one, other in zip(turn.params, turns[OWN].params, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-3, atol=2e-4)


@pytest.mark.parametrize("name", ["rmsprop", "adadelta", "nadam", "adamax", "radam"])
def test_optimizers_that_torch_does_not_fuse(name: str) -> None:
    params = {}
    for rival, contender in torch_loop.rows(True)[name].contenders.items():
        turn = torch_loop.step_of_shapes([(30, 20), (7,)], contender)
        for _ in range(7):
            turn.before()
            turn.timed()
        params[rival] = turn.params
    start = torch_loop.step_of_shapes([(30, 20), (7,)], lambda _: lambda: None).params
    for own, other, before in zip(params[OWN], params["torch-default"], start, strict=True):
        assert not torch.equal(own, before)
        torch.testing.assert_close(own, other, rtol=1e-4, atol=1e-6)


def test_resnet50_has_its_parameters() -> None:
    shapes = torch_loop.resnet50()
    assert len(shapes) == 161
    assert sum(torch.Size(shape).numel() for shape in shapes) == 25_557_032


def test_a_bar_that_is_missed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    row = torch_loop.rows(True)["mlp-step"]
    row.bars = {"torch-fused": 1e9, "torch-default": 0.0}
    monkeypatch.setattr(torch_loop, "rows", lambda is_quick: {"mlp-step": row})
    assert torch_loop.main(["--rounds", "2", "--threads", str(op.get_num_threads())]) == 1
    printed = capsys.readouterr().out
    assert "bar: torch-fused 1e+09, MISSED" in printed
    assert "bar: torch-default 0, met" in printed
    assert torch_loop.main(["--quick", "--rounds", "1"]) == 0


def test_an_unknown_row_is_an_error_that_lists_the_known(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        torch_loop.main(["--rows", "mpl"])
    assert "there is no row 'mpl'; there are deep-step, mlp-step" in capsys.readouterr().err
