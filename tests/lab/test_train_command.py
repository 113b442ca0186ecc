"""What does `onepass train` write? A table, a picture and JSON; here in this process, in test_cli.py from outside."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn")
pytest.importorskip("rich")
pytest.importorskip("matplotlib")

from matplotlib.image import imread

from onepass.cli import main
from onepass.lab import train as command
from onepass.lab.plots import draw_training, styles
from onepass.lab.settings import all_optimizers
from onepass.lab.training import Run
from onepass.lab.twin import NumPyTwin


def a_run(name: str, losses: tuple[float, ...] = (2.3, 0.5, 0.1), accuracy: float = 0.97) -> Run:
    return Run(name, {"lr": 0.1}, 32, 84, losses, (0.1, 0.8, accuracy), 1.0, 10.0, True)


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
    assert saved["experiment"]["sizes"] == [64, 50, 10]
    assert saved["experiment"]["epochs"] == command.QUICK_EPOCHS
    assert saved["config"]["version"]
    assert [run["optimizer"] for run in saved["runs"]] == list(command.QUICK_OPTIMIZERS)
    printed = capsys.readouterr().out
    for run in saved["runs"]:
        assert run["test_accuracies"][-1] >= 0.93
        assert run["same_bits"]
        assert run["hyperparameters"]["lr"] > 0
        assert run["ratio"] == run["numpy_ms"] / run["onepass_ms"]
        row = next(line for line in printed.splitlines() if f" {run['optimizer']} " in line)
        assert f"{run['test_accuracies'][-1]:.1%}" in row
        assert "yes" in row
    assert "bits of its NumPy reference" in printed


def test_every_optimizer_gets_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = tmp_path / "results.json"
    assert main(["train", "--epochs", "1", "--batch-size", "256", "--out", str(tmp_path), "--json", str(results)]) == 0
    assert [run["optimizer"] for run in json.loads(results.read_text())["runs"]] == list(all_optimizers())
    assert_is_a_picture(tmp_path / "onepass-train.png")


def test_other_bits_are_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(NumPyTwin, "has_bits_of", lambda self, optimizer: False)
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
    runs = [a_run("SGD", losses, 0.1), a_run("Adam", accuracy=1.0)]
    draw_training(runs, "two runs", tmp_path / "picture.png")
    assert_is_a_picture(tmp_path / "picture.png")


def test_diverged_runs_are_valid_json(tmp_path: Path) -> None:
    from onepass.lab.report import write_json

    write_json(tmp_path / "r.json", {"command": "train"}, [replace(a_run("SGD"), train_losses=(2.3, math.nan))])
    text = (tmp_path / "r.json").read_text()
    assert json.loads(text, parse_constant=pytest.fail)["runs"][0]["train_losses"] == [2.3, None]


def test_styles_differ() -> None:
    names = [str(number) for number in range(28)]
    assert len({(style.colour, style.hatch) for style in styles(names).values()}) == 28
    assert len({(style.colour, style.dashes) for style in styles(names).values()}) == 28
