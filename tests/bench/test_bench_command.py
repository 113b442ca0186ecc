"""Does `onepass bench` time alike work beside whatever is installed, and say and write what it found?"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import onepass as op
from onepass.bench import command, contenders, measuring
from onepass.bench.turns import OWN
from onepass.bench.work import WORK, Work
from onepass.cli import main

TINY = tuple(Work(work.tensors, ((3, 4), (5,)), work.optimizer, work.hypers, work.clip_norm) for work in WORK[:4])


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is installed beside NumPy, and nothing takes time."""
    for name in ("torch", "optax", "jax"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setattr(command, "WORK", TINY)
    monkeypatch.setattr(command, "ROUNDS", 2)
    monkeypatch.setattr(measuring, "BLOCK", 1e-4)


def one(work: Work, made: dict[str, Any]) -> measuring.Measured:
    return measuring.measure(work, made, rounds=2, limit=60.0)


@pytest.mark.parametrize("work", TINY, ids=lambda work: work.name)
def test_numpy_does_the_same(work: Work) -> None:
    found = one(work, contenders.CONTENDERS["numpy"])
    assert found.differing == ()
    assert {name: len(seconds) for name, seconds in found.seconds.items()} == {OWN: 2, "NumPy": 2}
    assert all(0 < second < 0.1 for seconds in found.seconds.values() for second in seconds)
    assert found.ratios()[OWN] == 1


@pytest.mark.peers
@pytest.mark.parametrize("work", TINY, ids=lambda work: work.name)
@pytest.mark.parametrize("library", ["torch", "optax"])
def test_peers_do_the_same(library: str, work: Work) -> None:
    pytest.importorskip(library)
    found = one(work, {OWN: contenders.onepass, **contenders.CONTENDERS[library]})
    assert found.differing == ()
    has = {
        "torch": {"torch", "torch, foreach"} | ({"torch, fused"} if work.optimizer == "AdamW" else set()),
        "optax": {"optax, jitted"} if work.optimizer != "NAdam" else set(),
    }
    assert set(found.seconds) == {OWN} | has[library]


def wrong(work: Work, params: Any, gradients: Any) -> contenders.Stepper:
    """Ascends with the last parameter."""
    return contenders.numpy(work, params, [*gradients[:-1], -gradients[-1]])


def test_who_computes_something_else_is_not_timed() -> None:
    found = one(TINY[0], {OWN: contenders.onepass, "wrong": wrong})
    assert found.differing == ("wrong",)
    assert set(found.seconds) == {OWN}


@pytest.mark.usefixtures("alone")
def test_with_numpy_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib")
    results = tmp_path / "new" / "bench.json"
    assert main(["bench", "--threads", "1", "--out", str(tmp_path), "--json", str(results)]) == 0
    printed = capsys.readouterr().out
    assert "torch is not installed\noptax is not installed\n" in printed
    assert f"{op.__version__}, {op.show_config()['isa']}, 1 threads, " in printed
    for work in TINY:
        (line,) = [line for line in printed.splitlines() if line.startswith(f"{work.name} ")]
        assert " µs " in line
    assert (tmp_path / "onepass-bench.png").read_bytes().startswith(b"\x89PNG")
    written = json.loads(results.read_text())
    assert [result["name"] for result in written["results"]] == [work.name for work in TINY]
    first = written["results"][0]["contenders"]
    assert set(first) == {OWN, "NumPy"}
    assert first["NumPy"]["median"] == pytest.approx(np.median(first["NumPy"]["seconds"]))
    assert written["config"] == json.loads(json.dumps(op.show_config()))


@pytest.mark.usefixtures("alone")
def test_quick_and_without_matplotlib(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert main(["bench", "--quick", "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "no picture: matplotlib is missing" in printed
    assert f"\n{TINY[-2].name} " in printed
    assert f"\n{TINY[-1].name} " not in printed
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("alone")
def test_the_status_is_1_if_one_differs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(contenders.CONTENDERS["numpy"], "NumPy", wrong)
    assert main(["bench", "--out", str(tmp_path)]) == 1
    assert capsys.readouterr().out.count("differs") == len(TINY)


@pytest.mark.parametrize("threads", ["0", "1025", "two", "1.5"])
def test_a_bad_number_of_threads(threads: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["bench", "--threads", threads])
    assert end.value.code == 2
    message = f"argument --threads: must be a whole number from 1 to 1024, got '{threads}'"
    assert message in capsys.readouterr().err
