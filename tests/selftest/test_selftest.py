"""Are the golden hashes the formulas', does every kernel have them, and is a wrong bit noticed, wherever it is?"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from cases import some

import onepass as op
from onepass.arrays import Array
from onepass.cli import main
from onepass.optimizer import Options
from onepass.reference.step.twin import arrays_of
from onepass.selftest import command
from onepass.selftest.case import Case
from onepass.selftest.checking import check
from onepass.selftest.digest import digest
from onepass.selftest.golden import FILE, all_cases, golden, lines
from onepass.selftest.places import Place, levels, teams
from onepass.selftest.sides import FORMULAS, KERNELS
from onepass.signatures import signatures

pytest.importorskip("ml_dtypes")

CASES = list(all_cases())
HERE = [Place(op.isas()[0], "serial", 1)]
SOLVERS = ["dots", "combine", "blend", "rank_two", "lbfgs", "lbfgs_bounds", "levenberg_marquardt"]


# By default of some rules: those of all are compared with the kernels below, and these with the formulas elsewhere.
@pytest.mark.parametrize("what", [*some(signatures), *SOLVERS])
def test_the_golden_hashes_are_the_formulas(what: str) -> None:
    kept = golden()
    cases = [case for case in CASES if case.what == what]
    assert cases
    assert {case.name: digest(case.prepared(FORMULAS)()) for case in cases} == {
        case.name: kept[case.name] for case in cases
    }


def test_the_file_has_these_cases_in_this_order(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [case.name for case in CASES]
    assert list(golden()) == names
    assert len(set(names)) == len(names)
    monkeypatch.setattr("onepass.selftest.golden.all_cases", lambda: [CASES[0], CASES[-1]])
    kept = FILE.read_text().splitlines(keepends=True)
    assert list(lines()) == [kept[0], kept[-1]]


def test_every_rule_option_and_layout_is_among_them() -> None:
    assert {case.what for case in CASES} == {*signatures, *SOLVERS}
    shown = " ".join({case.how for case in CASES})
    given_otherwise = {"state_dtype", "seed", "threads"}  # in the layout, always, by the places
    assert {field.name for field in fields(Options) if f"{field.name}=" not in shown} == given_otherwise
    dtypes = {dtype for case in CASES for dtype in case.layout.split("/")}
    assert dtypes == {"float64", "float32", "bfloat16", "float16", "float8"}
    lazy = {name for name, signature in signatures.items() if signature.rule.lazy}
    assert {case.what for case in CASES if case.how == "rows"} == lazy


@pytest.mark.parametrize("what", [*signatures, *SOLVERS])
def test_the_kernels_have_the_hashes(what: str) -> None:
    cases = [case for case in CASES if case.what == what]
    found = check(cases, golden(), levels(), teams())
    assert found.is_right, dict(found.wrong)
    assert found.checked == cases
    assert not found.missing
    shared = sum(case.is_shared for case in cases)
    assert found.compared == len(cases) * len(levels()) + shared * len(teams())


def one_step_case(rule: str, layout: str, how: str) -> Case:
    return next(case for case in CASES if (case.what, case.layout, case.how) == (rule, layout, how))


class Mutant:
    """A kernel that is wrong in one bit of one number of one array, in the last step."""

    def __init__(self, optimizer: op.Optimizer, index: int) -> None:
        self._optimizer, self._index = optimizer, index

    def __getattr__(self, name: str) -> Any:
        return getattr(self._optimizer, name)

    def step(self, gradients: Any) -> Any:
        record = self._optimizer.step(gradients)
        if self._optimizer.state[0]["step"] == 3:
            array = [*arrays_of(self._optimizer)][self._index].reshape(-1)
            (a_number, *_) = np.flatnonzero(~np.isnan(array))
            array.view(f"u{array.itemsize}")[a_number] ^= 1
        return record


@pytest.mark.parametrize(
    ("rule", "layout", "how"),
    [
        ("adamw", "float32/float32/float32", "plain"),
        ("rmsprop", "float64/float32/float64", "plain"),
        ("nadam", "float16/float16/float8", "plain"),
        ("lion", "bfloat16/bfloat16/bfloat16", "rounding=kahan"),
        ("adamw", "float32/float32/float32", "mirror=float16"),
        ("adagrad", "float32/float32/float32", "rows"),
    ],
)
def test_a_wrong_bit_in_any_array_is_noticed(rule: str, layout: str, how: str) -> None:
    case, optimizers = one_step_case(rule, layout, how), []
    case.prepared(replace(KERNELS, stepper=lambda optimizer: optimizers.append(optimizer) or optimizer))
    count = len([*arrays_of(optimizers[0])])
    assert count > 4
    for index in range(count):
        side = replace(KERNELS, stepper=lambda optimizer, index=index: Mutant(optimizer, index))
        assert dict(check([case], golden(), HERE, [], side).wrong) == {case.name: HERE}, index


def off_by_a_bit(call: Any) -> Any:
    """The result, or what is written to the first array, in one bit."""

    def wrong(*arguments: Any) -> Any:
        result = call(*arguments)
        changed = arguments[0] if result is None else np.atleast_1d(np.asarray(result))
        changed.reshape(-1)[-1:].view(f"u{changed.itemsize}")[...] ^= 1
        return result if result is None or isinstance(result, np.ndarray) else float(changed[0])

    return wrong


@pytest.mark.parametrize(
    ("what", "operation"),
    [("dots", "dots"), ("dots", "half_squares"), ("combine", "combine"), ("blend", "blend"),
     ("rank_two", "rank_two"), ("lbfgs", "lbfgs_direction")],
)  # fmt: skip
def test_a_wrong_bit_of_a_solver_is_noticed(what: str, operation: str) -> None:
    cases = [case for case in CASES if case.what == what]
    side = replace(KERNELS, **{operation: off_by_a_bit(getattr(KERNELS, operation))})
    assert {*check(cases, golden(), HERE, [], side).wrong} == {case.name for case in cases}


@pytest.mark.parametrize("method", ["differentiate", "propose", "accelerate", "judge", "steps"])
def test_a_wrong_bit_of_a_fit_is_noticed(method: str) -> None:
    class Wrong(KERNELS.levenberg_marquardt):  # type: ignore[misc, name-defined]
        pass

    def wrong(self: Any, *arguments: Any) -> Any:
        result = getattr(KERNELS.levenberg_marquardt, method)(self, *arguments)
        first = result[0] if isinstance(result, tuple) else result
        first.reshape(-1)[-1:].view(f"u{first.itemsize}")[...] ^= 1
        return result

    setattr(Wrong, method, wrong)
    cases = [case for case in CASES if case.what == "levenberg_marquardt"]
    wanted = {case.name for case in cases if method != "accelerate" or case.how == "geodesic"}
    assert {*check(cases, golden(), HERE, [], replace(KERNELS, levenberg_marquardt=Wrong)).wrong} == wanted


def test_a_difference_names_its_place_and_the_status_is_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cases = [
        one_step_case("adamw", "float32/float32/float32", "plain"),
        one_step_case("sgd", "float32/float32/float32", "plain"),
        CASES[-1],
    ]
    monkeypatch.setattr(command, "all_cases", lambda: iter(cases))
    assert main(["selftest"]) == 0
    assert "3 results, " in capsys.readouterr().out
    kept = golden()
    kept[cases[0].name] = "0123456789abcdef"
    del kept[cases[1].name]
    monkeypatch.setattr(command, "golden", lambda: kept)
    assert main(["selftest"]) == 1
    printed = capsys.readouterr().out
    assert "NOT ALL HAVE THE BITS" in printed
    everywhere = "; ".join(f"{isa}, serial, 1 thread" for isa in op.isas())
    assert f"\nadamw float32/float32/float32 plain: differs on {everywhere}\n" in printed
    assert "\nsgd float32/float32/float32 plain: has no golden hash" in printed


def test_all_in_a_process_of_its_own_with_numpy_alone() -> None:
    absent = ("ml_dtypes", "torch", "rich", "matplotlib", "sklearn", "scipy")
    program = (
        f"import sys; sys.modules.update(dict.fromkeys({absent!r}));"
        "import onepass.cli; sys.exit(onepass.cli.main(['selftest']))"
    )
    command = [sys.executable, "-W", "error", "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    with_bfloat16 = sum("ml_dtypes" in case.packages for case in CASES)
    assert f"not checked, ml_dtypes is missing: {with_bfloat16} results" in done.stdout
    assert f"{len(op.isas())} instruction sets: {', '.join(op.isas())}" in done.stdout
    assert f"{len(signatures)} rules: {', '.join(signatures)}" in " ".join(done.stdout.split())
    assert f"{len(CASES) - with_bfloat16:,} results, " in done.stdout


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_all_nans_are_one_and_the_zeros_are_two(dtype: str) -> None:
    def of(number: float, flipped: int = 0) -> str:
        array = np.array([1, number], dtype)
        array.view(f"u{array.itemsize}")[1] ^= flipped
        return digest([array])

    assert of(np.nan, 1) == of(np.nan) == of(-np.nan)
    assert len({of(np.nan), of(np.inf), of(0.0), of(-0.0), of(1.0), of(1.0, 1)}) == 6


def test_a_result_that_is_no_array_counts() -> None:
    def some(*numbers: float) -> Iterator[Array | float]:
        yield np.ones(2)
        yield from numbers

    assert len({digest(some()), digest(some(1.0)), digest(some(1.0 + 2.0**-52))}) == 3
