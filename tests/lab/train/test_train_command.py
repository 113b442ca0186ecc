"""What does `onepass train` write? A table, a picture and JSON; here in this process, in test_cli.py from outside."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from idx_files import write_small_mnist

pytest.importorskip("sklearn")
pytest.importorskip("rich")
pytest.importorskip("matplotlib")

from matplotlib.image import imread
from some_runs import a_run

from onepass.cli import main
from onepass.lab.settings import PLANS, all_optimizers
from onepass.lab.style import styles
from onepass.lab.train.plots import draw_training
from onepass.lab.train.request import QUICK_OPTIMIZERS
from onepass.lab.train.rows import Row, described, rows
from onepass.reference import Twin


def a_row(name: str, losses: tuple[float, ...] = (2.3, 0.5, 0.1), accuracy: float = 0.97) -> Row:
    return rows([a_run(name, losses=losses, accuracy=accuracy)])[0]


def flat(text: str) -> str:
    return " ".join(text.split())


def assert_is_a_picture(path: Path) -> None:
    pixels = imread(path)
    height, width, _ = pixels.shape
    assert width >= 1000
    assert height >= 500
    assert len(np.unique(pixels.reshape(-1, pixels.shape[2]), axis=0)) > 50
    for half in (pixels[:, : width // 2], pixels[:, width // 2 :]):
        assert 0.01 < (half[..., :3].min(axis=2) < 0.9).mean() < 0.7  # ink, and not ink all over


def test_quick(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, results = tmp_path / "new" / "folder", tmp_path / "results.json"
    assert main(["train", "--quick", "--out", str(out), "--json", str(results)]) == 0
    assert_is_a_picture(out / "onepass-train.png")
    saved = json.loads(results.read_text())
    assert saved["experiment"]["sizes"] == [64, 64, 10]
    assert saved["experiment"]["epochs"] == PLANS["digits"].quick_epochs
    assert saved["config"]["version"]
    assert [run["optimizer"] for run in saved["runs"]] == list(QUICK_OPTIMIZERS)
    printed = capsys.readouterr().out
    for run in saved["runs"]:
        assert run["test_accuracies"][-1] >= 0.93
        assert run["same_bits"]
        assert run["hyperparameters"]["lr"] > 0
        assert run["ratio"] == run["numpy_ms"] / run["onepass_ms"]
        row = next(line for line in printed.splitlines() if f" {run['optimizer']} " in line)
        assert f"{run['test_accuracies'][-1]:.2%}" in row
        assert "yes" in row
    assert "bits of its NumPy reference" in printed


@pytest.mark.usefixtures("unpainted")
def test_every_optimizer_gets_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = tmp_path / "results.json"
    assert main(["train", "--epochs", "1", "--batch-size", "256", "--out", str(tmp_path), "--json", str(results)]) == 0
    assert [run["optimizer"] for run in json.loads(results.read_text())["runs"]] == list(all_optimizers())


@pytest.mark.usefixtures("unpainted")
def test_mnist(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_small_mnist(tmp_path / "mnist")
    results = tmp_path / "results.json"
    call = ["train", "--data", "mnist", "--data-dir", str(tmp_path), "--out", str(tmp_path), "--json", str(results)]
    assert main([*call, "--optimizers", "adam,rprop", "--hidden", "20,15", "--epochs", "3", "--batch-size", "20"]) == 0
    saved = json.loads(results.read_text())
    assert saved["experiment"]["data"] == "MNIST"
    assert saved["experiment"]["sizes"] == [64, 20, 15, 10]
    assert [(run["optimizer"], run["batch_size"], run["steps"]) for run in saved["runs"]] == [
        ("Adam", 20, 30),
        ("Rprop", 200, 3),
    ]
    assert "64-20-15-10 network on MNIST (200 to train on, 50 to test), 3 epochs" in flat(capsys.readouterr().out)


def test_mnist_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ONEPASS_DATA", str(tmp_path))
    assert main(["train", "--data", "mnist", "--out", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("onepass train: MNIST: there is no train-images-idx3-ubyte, ")
    assert error.count("\n") == 1


def test_state_dtypes_are_compared_over_seeds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = tmp_path / "results.json"
    call = ["train", "--epochs", "2", "--seed", "3", "--seeds", "2", "--out", str(tmp_path), "--json", str(results)]
    assert main([*call, "--optimizers", "sgd,adamw", "--state-dtype", "float32,float16,float8"]) == 0
    saved = json.loads(results.read_text())
    assert saved["experiment"]["state_dtypes"] == ["float32", "float16", "float8"]
    assert saved["experiment"]["seeds"] == [3, 4]
    assert [run["seed"] for run in saved["runs"]] == [3, 4] * 6
    assert {tuple(run["quantised"]) for run in saved["runs"] if run["state_dtype"] != "float8"} == {()}
    printed = capsys.readouterr().out
    lines = printed.splitlines()
    for mean in saved["means"]:
        label = f"{mean['optimizer']}, {mean['state_dtype']}"
        row = next(line for line in lines if line.strip().startswith(f"{label} "))
        assert f"{mean['test_accuracy']:.2%}" in row
        points = f"{mean['points']:+.2f} ± {mean['points_error']:.2f}"
        assert (points in row) == (mean["state_dtype"] != "float32")
    text = flat(printed)
    assert "float32, float16, float8 state, means of 2 seeds" in text
    assert "float8 state: of fc1.weight; those of fewer than 4096 elements keep float32" in text
    assert_is_a_picture(tmp_path / "onepass-train.png")


@pytest.mark.usefixtures("unpainted")
def test_the_title_says_how_the_state_is_stored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call = ["train", "--epochs", "1", "--optimizers", "adam", "--out", str(tmp_path), "--state-dtype", "FLOAT8"]
    assert main([*call, "--hidden", "50"]) == 0
    text = flat(capsys.readouterr().out)
    assert "64-50-10 network on digits (1348 to train on, 449 to test), 1 epoch, float8 state" in text
    assert "float8 state: of no parameter; those of fewer than 4096 elements keep float32" in text
    assert "Points" not in text


@pytest.mark.usefixtures("unpainted")
def test_other_bits_are_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Twin, "has_bits_of", lambda self, optimizer: False)
    assert main(["train", "--epochs", "1", "--optimizers", "adam", "--out", str(tmp_path)]) == 1
    assert "Not the bits of the NumPy reference: Adam" in capsys.readouterr().out


def test_a_file_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    assert main(["train", "--quick", "--out", str(tmp_path / "file" / "folder")]) == 2
    error = capsys.readouterr().err
    assert error.startswith("onepass train: ")
    assert error.count("\n") == 1


@pytest.mark.parametrize("losses", [(2.3, math.inf, math.nan), (2.3, 0.1, 0.0)])
def test_a_picture_of_diverged_and_perfect_runs(losses: tuple[float, ...], tmp_path: Path) -> None:
    drawn = [a_row("SGD", losses, 0.1), a_row("Adam", accuracy=1.0)]
    draw_training(drawn, "two rows", tmp_path / "picture.png")
    assert_is_a_picture(tmp_path / "picture.png")


def test_diverged_runs_are_valid_json(tmp_path: Path) -> None:
    from onepass.files import write_json

    write_json(tmp_path / "r.json", described([a_row("SGD", (2.3, math.nan))]))
    text = (tmp_path / "r.json").read_text()
    assert json.loads(text, parse_constant=pytest.fail)["runs"][0]["train_losses"] == [2.3, None]


def test_styles_differ() -> None:
    names = [str(number) for number in range(63)]
    assert len({(style.colour, style.hatch) for style in styles(names).values()}) == 63
    assert len({(style.colour, style.dashes) for style in styles(names).values()}) == 63
