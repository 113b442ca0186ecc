"""Does the benchmark measure what it says? Its machinery on tiny problems, without the peers' libraries."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

import onepass as op
from onepass.signatures import signatures

sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))

import compare
from comparison import bars, cases, contenders, measure, recipes
from comparison.cases import Case, Problem
from comparison.contenders.own import Reference, Roof
from comparison.measure import Measurement, Settings

BRIEF = Settings(rounds=3, block=1e-4, pause=0.0)
TINY = Case("tiny", ((1003,), (7, 9), (1,)))
compiles = pytest.mark.skipif(not shutil.which("c++"), reason="the roof needs a C++ compiler")


def brief(rule: str, names: Sequence[str], dtype: str = "float32", settings: Settings = BRIEF) -> Measurement:
    return measure.measure(rule, TINY, dtype, names, settings)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rule", signatures)
def test_the_reference_agrees_to_the_bit(rule: str, dtype: str) -> None:
    result = brief(rule, ["numpy"], dtype)
    assert result.entries["numpy"].deviation == 0
    assert result.entries["numpy"].agrees
    assert all(len(entry.seconds) == BRIEF.rounds and min(entry.seconds) > 0 for entry in result.entries.values())


class WithoutDecay(Reference):
    name = "numpy"

    def __init__(self, recipe: recipes.Recipe, problem: Problem) -> None:
        super().__init__(recipe, problem)
        self._hypers["weight_decay"] = 0.0


class IgnoresTheLast(Reference):
    name = "numpy"

    def __init__(self, recipe: recipes.Recipe, problem: Problem) -> None:
        super().__init__(recipe, problem)
        self._gradients = [*self._gradients[:-1], np.zeros_like(self._gradients[-1])]


class NeverSteps(Reference):
    name = "numpy"

    def _step(self) -> None:
        pass


class YieldsNan(Reference):
    name = "numpy"

    def _step(self) -> None:
        self._params[-1].fill(np.nan)


@pytest.mark.parametrize("wrong", [WithoutDecay, IgnoresTheLast, NeverSteps, YieldsNan])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_unlike_work_is_found(wrong: type[Reference], dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "find", lambda name: contenders.find(name) if name == "onepass" else wrong)
    result = brief("adamw", ["numpy"], dtype)
    assert not result.entries["numpy"].agrees
    bar = bars.Bar("numpy", "adamw", dtype, "tiny", "numpy", at_least=0)
    assert not bars.judge(bar, result).met


class UsesTheGradientUp(Reference):
    name = "numpy"

    def __init__(self, recipe: recipes.Recipe, problem: Problem) -> None:
        super().__init__(recipe, problem)
        self._kept = problem.gradients
        self.restore = self._restore

    def _restore(self) -> None:
        self._gradients = [gradient.copy() for gradient in self._kept]

    def _step(self) -> None:
        super()._step()
        for gradient in self._gradients:
            gradient.fill(0)


def test_what_a_step_uses_up_is_restored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "find", lambda name: contenders.find(name) if name == "onepass" else UsesTheGradientUp)
    entry = brief("adamw", ["numpy"]).entries["numpy"]
    assert entry.agrees
    assert len(entry.seconds) == BRIEF.rounds


@compiles
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rule", ["sgd", "lion", "adamw", "amsgrad"])
def test_the_roof_reads_and_writes_every_array(rule: str, dtype: str) -> None:
    op.set_num_threads(2)
    problem = Problem(Case("parallel", ((40_000,), (1003,), (7, 9))), dtype)
    roof = Roof(recipes.recipes(rule)[0], problem)
    roof.step()
    gradients, params, *slots = roof._arrays
    for gradient, param, initial in zip(gradients, params, problem.initial, strict=True):
        np.testing.assert_allclose(param, (initial + gradient) / 2, rtol=1e-6)
    for written in slots:
        for gradient, slot in zip(gradients, written, strict=True):
            np.testing.assert_array_equal(slot, gradient / 2)
    assert len(slots) == len(signatures[rule].slots)


def test_every_bar_has_something_to_measure() -> None:
    assert {bar.rule for bar in bars.BARS} == set(signatures)
    for bar in bars.BARS:
        assert bar.case in cases.CASES
        assert bar.rival in contenders.NAMES
    assert sum(map(len, bars.bars())) == len(bars.BARS)
    assert {str(bar) for group in bars.bars(["compile/rms"]) for bar in group} == {
        "compile/rmsprop/float32/mlp/torch-compile",
        "compile/rmsprop/float32/64M/torch-compile",
    }


def test_gpt2_has_its_148_tensors() -> None:
    assert len(cases.CASES["gpt2"].shapes) == 148
    assert cases.CASES["gpt2"].elements == 124_439_808


def test_what_exceeds_the_memory_is_left_out() -> None:
    result = brief("adamw", ["numpy"], settings=Settings(rounds=1, block=1e-4, pause=0.0, memory=50_000))
    assert list(result.entries) == ["onepass"]
    assert "--memory" in result.missing["numpy"]


@compiles
def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(compare.machine, "use_threads", op.set_num_threads)  # which binds the process to cores, too
    effort = ["--rounds", "2", "--block", "0.0001"]
    files = ["--json", str(tmp_path / "out.json"), "--plot", str(tmp_path / "out.png")]
    choice = ["--optimizers", "adamw,sgd", "--cases", "1e3", "--contenders", "roof,numpy", "--threads", "1"]
    assert compare.main([*choice, *effort, *files]) == 0
    printed = capsys.readouterr().out
    assert "adamw float32, 1e3 (1 tensor, 1,000 elements), 1 thread" in printed
    written = json.loads((tmp_path / "out.json").read_text())
    assert [one["optimizer"] for one in written["measurements"]] == ["adamw", "sgd"]
    assert all(one["contenders"].keys() == {"onepass", "roof", "numpy"} for one in written["measurements"])
    assert (tmp_path / "out.png").read_bytes().startswith(b"\x89PNG")


def test_an_unknown_name_is_an_error_that_lists_the_known(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        compare.main(["--optimizers", "adamz"])
    assert "adamw" in capsys.readouterr().err
