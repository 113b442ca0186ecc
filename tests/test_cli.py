"""Does the command line answer as a user expects, with and without the lab's packages?"""

from __future__ import annotations

import argparse
import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import onepass as op
from onepass.cli import COMMANDS, main

LAB = ("matplotlib", "rich", "sklearn")
PAGE = Path(__file__).parents[1] / "docs" / "commands.md"


def onepass(*arguments: str, without: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """Run `onepass` in a process of its own, in which some packages cannot be imported."""
    program = (
        f"import sys; sys.modules.update(dict.fromkeys({without!r})); import onepass.cli; sys.exit(onepass.cli.main())"
    )
    start = ["-c", program] if without else ["-m", "onepass"]
    return subprocess.run([sys.executable, *start, *arguments], capture_output=True, text=True, timeout=60, check=False)


def test_a_bare_call_lists_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    lines = capsys.readouterr().out.splitlines()
    for command in COMMANDS:
        assert [line.split(maxsplit=1)[1] for line in lines if line.split()[:1] == [command.name]] == [command.summary]


def test_info_shows_the_configuration_with_numpy_alone() -> None:
    done = onepass("info", without=LAB)
    assert done.returncode == 0, done.stderr
    shown = dict(line.split("  ", 1) for line in done.stdout.splitlines())
    assert shown.keys() == op.show_config().keys()
    assert shown["version"].strip() == op.__version__
    assert shown["isas"].strip() == ", ".join(op.isas())


def test_info_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == op.show_config()


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--version"])
    assert end.value.code == 0
    assert capsys.readouterr().out == f"onepass {op.__version__}\n"


@pytest.mark.parametrize("package", LAB)
def test_train_without_the_lab_says_what_to_install(package: str) -> None:
    for name in {*LAB} - {package}:
        pytest.importorskip(name)
    done = onepass("train", "--quick", without=(package,))
    assert done.returncode == 2
    assert done.stderr == f'onepass train: {package} is missing; run pip install "onepass[lab]"\n'
    assert done.stdout == ""


def test_a_fault_of_our_own_is_not_a_missing_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onepass.lab.train.command", None)
    with pytest.raises(ModuleNotFoundError, match=r"onepass\.lab\.train"):
        main(["train"])


def test_train_end_to_end(tmp_path: Path) -> None:
    for name in LAB:
        pytest.importorskip(name)
    done = onepass("train", "--optimizers", "adam", "--epochs", "2", "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "\x1b" not in done.stdout  # no colours, no progress bar
    assert "Adam" in done.stdout
    assert (tmp_path / "onepass-train.png").stat().st_size > 20_000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--optimizers", "adam,adamx"],
            f"there is no optimizer 'adamx'; there are {', '.join(sorted(op.optimizers.__all__, key=str.lower))}",
        ),
        (["--optimizers", ","], "no optimizer is named"),
        (["--epochs", "0"], "argument --epochs: must be a whole number from 1 on, got '0'"),
        (["--batch-size", "many"], "argument --batch-size: must be a whole number from 1 on, got 'many'"),
        (["--seed", "-1"], "argument --seed: must be a whole number from 0 on, got '-1'"),
        (["--seeds", "0"], "argument --seeds: must be a whole number from 1 on, got '0'"),
        (["--hidden", "20,0"], "argument --hidden: must be a whole number from 1 on, got '0'"),
        (["--hidden", ""], "argument --hidden: must be a whole number from 1 on, got ''"),
        (["--state-dtype", "float7"], "there is no state dtype 'float7'; there are float32, bfloat16, float16, float8"),
        (["--data", "cifar"], "argument --data: invalid choice: 'cifar'"),
        (["--data-dir", "x"], "argument --data-dir: the digits come along and need none; add --data mnist"),
    ],
)
def test_bad_arguments_name_what_is_allowed(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in LAB:
        pytest.importorskip(name)
    with pytest.raises(SystemExit) as end:
        main(["train", *arguments])
    assert end.value.code == 2
    assert message in capsys.readouterr().err


def test_bfloat16_state_without_ml_dtypes_says_what_to_install() -> None:
    for name in LAB:
        pytest.importorskip(name)
    done = onepass("train", "--quick", "--state-dtype", "float32,bfloat16", without=("ml_dtypes",))
    assert done.returncode == 2
    assert done.stderr.endswith(
        'error: argument --state-dtype: bfloat16 needs ml_dtypes; run pip install "onepass[bf16]"\n'
    )


def test_an_unknown_command_lists_the_known(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["trian"])
    assert end.value.code == 2
    error = capsys.readouterr().err
    assert all(command.name in error for command in COMMANDS)


@pytest.mark.skipif(not PAGE.exists(), reason="the page is not beside the tests")
def test_the_page_tells_every_command_and_option() -> None:
    for name in LAB:
        pytest.importorskip(name)
    page = PAGE.read_text(encoding="utf-8")
    for command in COMMANDS:
        assert f"| [`{command.name}`](#{command.name}) | {command.summary} |" in page
        section = page.partition(f"\n## {command.name}\n")[2].partition("\n## ")[0]
        parser = argparse.ArgumentParser(add_help=False)
        command.configure(parser)
        told = re.findall(r"^\| `(--[a-z-]+)", section, re.MULTILINE)
        assert told == [action.option_strings[0] for action in parser._actions], command.name


#: Says when a command has been told what to do.
WITH_A_SIGN = """
import sys
from argparse import ArgumentParser
from onepass.cli import main
parse = ArgumentParser.parse_args
def parse_args(*arguments):
    parsed = parse(*arguments)
    print("begun", flush=True)
    return parsed
ArgumentParser.parse_args = parse_args
sys.exit(main())
"""


def begun(*arguments: str) -> subprocess.Popen[str]:
    """A command in a process of its own, at work."""
    command = [sys.executable, "-c", WITH_A_SIGN, *arguments]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert child.stdout
    assert child.stdout.readline() == "begun\n"
    return child


def stopped(child: subprocess.Popen[str]) -> str:
    """What it says on its way out."""
    child.send_signal(signal.SIGINT)
    try:
        _, error = child.communicate(timeout=60)
    finally:
        child.kill()
    assert child.returncode == 130, error
    return error


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals")
@pytest.mark.parametrize("command", [command.name for command in COMMANDS if command.name != "info"])
def test_ctrl_c_is_told_and_leaves_nothing_behind(command: str, tmp_path: Path) -> None:
    for name in LAB:
        pytest.importorskip(name)
    child = begun(command, *([] if command == "selftest" else ["--out", str(tmp_path)]))
    time.sleep(0.3)
    assert stopped(child) == f"\nonepass {command}: stopped; no file was written\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals")
def test_ctrl_c_tells_what_was_kept(tmp_path: Path) -> None:
    for name in LAB:
        pytest.importorskip(name)
    first = tmp_path / "onepass-claims-momentum-damps.png"
    child = begun("claims", "--only", "momentum-damps,adam-diverges", "--out", str(tmp_path))
    limit = time.monotonic() + 60
    while not first.exists() and time.monotonic() < limit:
        time.sleep(0.01)
    assert stopped(child) == f"\nonepass claims: stopped; kept: {first}\n"
    assert list(tmp_path.iterdir()) == [first]
    assert first.read_bytes().endswith(b"IEND\xaeB`\x82")
