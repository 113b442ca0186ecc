"""Does the benchmark measure what it says? Its machinery on tiny problems, without the peers' libraries."""

from __future__ import annotations

import itertools
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
from comparison.contenders.formulas import Reference, Twin
from comparison.contenders.roof import Roof
from comparison.measure import Measurement, Settings
from comparison.steps import PLAIN, STEPS

BRIEF = Settings(rounds=3, block=1e-4, pause=0.0)
TINY = Case("tiny", ((1003,), (7, 9), (1,)))
BLOCKS = Case("blocks", ((5003,), (7, 9)))  # the first is large enough for float8
TABLES = Case("tables", ((300, 8), (50, 3)), rows=40)
compiles = pytest.mark.skipif(not shutil.which("c++"), reason="the roof needs a C++ compiler")


def brief(
    rule: str,
    names: Sequence[str],
    dtype: str = "float32",
    settings: Settings = BRIEF,
    *,
    case: Case = TINY,
    step: str = PLAIN.name,
) -> Measurement:
    return measure.measure(rule, case, dtype, names, settings, STEPS[step])


def replace_rival(monkeypatch: pytest.MonkeyPatch, rival: type[contenders.Contender]) -> None:
    monkeypatch.setattr(measure, "find", lambda name: contenders.find(name) if name == "onepass" else rival)


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
    replace_rival(monkeypatch, wrong)
    result = brief("adamw", ["numpy"], dtype)
    assert not result.entries["numpy"].agrees
    bar = bars.Bar("numpy", "adamw", dtype, "tiny", "numpy", at_least=0)
    assert not bars.judge(bar, result).met


class UsesTheGradientUp(Reference):
    name = "numpy"

    def __init__(self, recipe: recipes.Recipe, problem: Problem) -> None:
        super().__init__(recipe, problem)
        self._gradients = [gradient.copy() for gradient in problem.gradients]
        self.restore = lambda: problem.refill(self._gradients)

    def _step(self) -> None:
        super()._step()
        for gradient in self._gradients:
            gradient.fill(0)


def test_what_a_step_uses_up_is_restored(monkeypatch: pytest.MonkeyPatch) -> None:
    replace_rival(monkeypatch, UsesTheGradientUp)
    entry = brief("adamw", ["numpy"]).entries["numpy"]
    assert entry.agrees
    assert len(entry.seconds) == BRIEF.rounds


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16", "float16"])
@pytest.mark.parametrize("step", STEPS)
def test_the_twin_of_the_whole_step_agrees_to_the_bit(step: str, dtype: str) -> None:
    pytest.importorskip("ml_dtypes")
    result = brief("adamw", ["numpy-twin"], dtype, case=BLOCKS, step=step)
    if dtype == "float64" and "state_dtype" in STEPS[step].options:
        assert result.missing == {"onepass": "it has no such step"}
    elif step != PLAIN.name or dtype not in Reference.dtypes:
        assert result.entries["numpy-twin"].deviation == 0
        assert result.entries["numpy-twin"].agrees


@pytest.mark.parametrize(
    ("left_out", "remark"),
    [
        ({"clip_norm": None}, ""),
        ({"ema": False}, "differs in its ema"),
        ({"mirror": False}, "differs in its mirror"),
        ({"zero_grad": False}, "differs in its gradients"),
    ],
)
def test_a_part_of_the_whole_step_left_out_is_found(
    left_out: dict[str, object], remark: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ml_dtypes")

    class LeavesOut(Twin):
        name = "numpy-twin"

        def __init__(self, recipe: recipes.Recipe, problem: Problem) -> None:
            super().__init__(recipe, problem)
            self.step = lambda: self._twin.step(self._gradients, **left_out)

    replace_rival(monkeypatch, LeavesOut)
    entry = brief("adamw", ["numpy-twin"], step="whole").entries["numpy-twin"]
    assert not entry.agrees
    assert entry.remark == remark


@pytest.mark.parametrize("step", ["bfloat16-state", "float8-state"])
def test_smaller_state_comes_close_to_float32(step: str) -> None:
    pytest.importorskip("ml_dtypes")
    entries = brief("adamw", ["onepass-plain"], case=BLOCKS, step=step).entries
    assert entries["onepass-plain"].agrees
    assert entries["onepass-plain"].deviation
    assert entries["onepass-plain"].remark == "8.00 bytes of state per element"
    assert float(entries["onepass"].remark.split()[0]) < 4.1


def test_decayed_moments_stay_subnormal_unless_flushed() -> None:
    problem = Problem(TINY, "float32", zero=True)
    recipe = recipes.recipes("adamw", STEPS["decayed"])[0]
    flushed, plain = (contenders.find(name)(recipe, problem) for name in ("onepass", "onepass-plain"))
    for _ in range(100):
        flushed.step()
        plain.step()
    for state in plain._optimizer.state:
        assert (state["exp_avg_sq"] > 0).all()
        assert (state["exp_avg_sq"] < np.finfo(np.float32).tiny).all()
    assert not any(state["exp_avg_sq"].any() for state in flushed._optimizer.state)
    assert {"onepass-plain", "onepass-normal"} < brief(
        "adamw", ["onepass-plain", "onepass-normal"], step="decayed"
    ).entries.keys()


class ScattersItsRows(Reference):
    name = "numpy"
    takes_rows = True

    def __init__(self, recipe: recipes.Recipe, problem: Problem) -> None:
        super().__init__(recipe, problem)
        self._gradients = problem.fresh_params()
        self._batches = itertools.cycle(problem.batches)

    def _step(self) -> None:
        for gradient, rows in zip(self._gradients, next(self._batches), strict=True):
            gradient.fill(0)
            np.add.at(gradient, rows.indices, rows.values)
        super()._step()


@pytest.mark.parametrize("rule", ["sgd", "adagrad"])
def test_sparse_rows_do_what_dense_gradients_do(rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    replace_rival(monkeypatch, ScattersItsRows)
    entry = brief(rule, ["numpy"], case=TABLES).entries["numpy"]
    assert entry.agrees
    assert len(entry.seconds) == BRIEF.rounds


def test_a_step_that_onepass_lacks_is_not_measured() -> None:
    result = brief("lion", ["numpy"], case=TABLES)
    assert not result.entries
    bar = bars.Bar("sparse", "lion", "float32", "tables", "numpy", at_least=1)
    assert bars.judge(bar, result).measured == "not measured: it has no such step"


def test_a_figure_and_a_bar_for_another_processor_are_not_missed() -> None:
    result = brief("adamw", ["numpy"])
    figure = bars.Bar("numpy", "adamw", "float32", "tiny", "numpy", at_least=None)
    elsewhere = bars.Bar("numpy", "adamw", "float32", "tiny", "numpy", at_least=1e9, isa="abacus")
    assert bars.judge(figure, result).met is None
    assert bars.judge(elsewhere, result).met is None
    assert "abacus" in bars.judge(elsewhere, result).measured
    assert bars.judge(bars.Bar("numpy", "adamw", "float32", "tiny", "numpy", at_least=1e9), result).met is False


@compiles
@pytest.mark.parametrize(
    ("dtype", "step"),
    [
        ("float32", "plain"),
        ("float64", "plain"),
        ("float32", "bfloat16-state"),
        ("float32", "float8-state"),
        ("float16", "plain"),
        ("float16", "float16-state-nearest"),
    ],
)
@pytest.mark.parametrize("rule", ["sgd", "lion", "adamw", "amsgrad"])
def test_the_roof_reads_and_writes_every_array(rule: str, dtype: str, step: str) -> None:
    op.set_num_threads(2)
    problem = Problem(Case("parallel", ((40_000,), (1003,), (7, 9))), dtype)
    roof = Roof(recipes.recipes(rule, STEPS[step])[0], problem)
    roof.step()
    gradients, params, *slots = roof._arrays
    for gradient, param, initial in zip(gradients, params, problem.initial, strict=True):
        if dtype == "float16":
            halves = [array.view(np.uint16) // 2 for array in (initial, gradient)]
            np.testing.assert_array_equal(param.view(np.uint16), halves[0] + halves[1])
        else:
            np.testing.assert_allclose(param, (initial + gradient) / 2, rtol=1e-6)
    for slot in itertools.chain.from_iterable(slots):
        np.testing.assert_array_equal(slot, np.ones_like(slot))
    assert len(slots) == len(signatures[rule].kinds)


def test_bytes_moved_are_those_of_every_sweep() -> None:
    case = Case("two", ((40_000,), (1_000,)))
    moved = {rule: recipes.recipes(rule)[0].bytes_moved(case, "float32") for rule in ("adamw", "lamb")}
    assert moved == {"adamw": 28 * 41_000, "lamb": 40 * 40_000 + 28 * 1_000}
    clipped = recipes.recipes("adamw", STEPS["clip"])[0]
    assert clipped.bytes_moved(case, "float32") == 32 * 41_000
    rows = recipes.recipes("adagrad")[0]
    assert rows.bytes_moved(TABLES, "float32") == 20 * (40 * 8 + 40 * 3)


def test_the_share_of_the_roof_is_one_of_bandwidth() -> None:
    entries = {"onepass": measure.Entry([2.0]), "roof": measure.Entry([1.0])}
    case = Case("large", ((40_000,),))
    shares = [
        Measurement(recipes.recipes(rule)[0], case, "float32", 1, entries).of_roof().median
        for rule in ("adamw", "lamb")
    ]
    assert shares == pytest.approx([0.5, 0.5 * 40 / 28])
    narrow = recipes.recipes("adamw", STEPS["bfloat16-state"])[0]
    assert Measurement(narrow, case, "float32", 1, entries).of_roof().median == pytest.approx(0.5)


def test_every_bar_has_something_to_measure() -> None:
    assert {bar.rule for bar in bars.BARS} == set(signatures)
    for bar in bars.BARS:
        assert bar.case in cases.CASES
        assert bar.rival in contenders.NAMES
        assert bar.step in STEPS
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
    choice = ["--optimizers", "adamw,sgd", "--cases", "1e3", "--steps", "plain,clip", "--threads", "1"]
    choice += ["--contenders", "roof,numpy,numpy-twin"]
    assert compare.main([*choice, *effort, *files]) == 0
    printed = capsys.readouterr().out
    assert "adamw float32, 1e3 (1 tensor, 1,000 elements), 1 thread" in printed
    assert "sgd float32, clip, 1e3 (1 tensor, 1,000 elements), 1 thread" in printed
    written = json.loads((tmp_path / "out.json").read_text())
    measured = [(one["optimizer"], one["step"], list(one["contenders"])) for one in written["measurements"]]
    assert measured == [
        *((rule, "plain", ["onepass", "roof", "numpy"]) for rule in ("adamw", "sgd")),
        *((rule, "clip", ["onepass", "numpy-twin"]) for rule in ("adamw", "sgd")),
    ]
    assert (tmp_path / "out.png").read_bytes().startswith(b"\x89PNG")


def test_an_unknown_name_is_an_error_that_lists_the_known(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        compare.main(["--optimizers", "adamz"])
    assert "adamw" in capsys.readouterr().err
