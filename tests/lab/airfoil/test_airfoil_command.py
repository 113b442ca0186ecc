"""What does `onepass airfoil` write? A table, a picture and JSON; and it says when a fit is not near the minimum."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn")
pytest.importorskip("rich")
pytest.importorskip("matplotlib")

from matplotlib.image import imread

from onepass.cli import main
from onepass.lab.airfoil import command, row, settings
from onepass.lab.data.airfoil import FILE
from onepass.lab.settings import all_optimizers


@pytest.fixture(autouse=True)
def no_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ONEPASS_DATA", raising=False)


def flat(text: str) -> str:
    return " ".join(text.split())


def test_quick(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, results = tmp_path / "new" / "folder", tmp_path / "results.json"
    assert main(["airfoil", "--quick", "--out", str(out), "--json", str(results)]) == 0
    pixels = imread(out / "onepass-airfoil.png")
    assert pixels.shape[1] >= 1500
    assert 0.01 < (pixels[..., :3].min(axis=2) < 0.9).mean() < 0.7
    saved = json.loads(results.read_text())
    assert saved["experiment"]["command"] == "airfoil"
    assert saved["experiment"]["exact_minimum"] == pytest.approx(0.24168795509193775, rel=1e-12)
    assert saved["experiment"]["seeds"] == [0]
    assert [run["optimizer"] for run in saved["runs"]] == list(all_optimizers())
    printed = capsys.readouterr().out
    for run in saved["runs"]:
        line = next(line for line in printed.splitlines() if line.split()[:1] == [run["optimizer"]])
        assert line.split()[2] == f"{run['losses'][-1]:.5f}"
        assert line.split()[-1] == ("yes" if run["optimizer"] in settings.TUNED else "untuned")
    assert "Generated, of the same size and conditioning: these are not the measurements." in flat(printed)
    assert re.search(r"Every (tuned )?optimizer ended between the exact minimum and 0\.256\.", printed)


@pytest.mark.usefixtures("unpainted")
def test_measurements_and_seeds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.savetxt(tmp_path / FILE, np.random.default_rng(0).normal(100, 5, (1503, 6)))
    call = ["airfoil", "--data-dir", str(tmp_path), "--out", str(tmp_path), "--json", str(tmp_path / "r.json")]
    # Pure noise cannot be fitted: half the mean square stays at 0.5.
    assert main([*call, "--optimizers", "sgd,ADAM", "--seed", "4", "--seeds", "2"]) == 1
    saved = json.loads((tmp_path / "r.json").read_text())
    assert [(run["optimizer"], run["seed"]) for run in saved["runs"]] == [
        ("SGD", 4),
        ("SGD", 5),
        ("Adam", 4),
        ("Adam", 5),
    ]
    printed = flat(capsys.readouterr().out)
    assert "NASA airfoil self-noise, 1500 rows, batch 10, 2 epochs, means of 2 seeds" in printed
    assert "Generated" not in printed
    assert "Not between the exact minimum and 0.256: SGD, Adam." in printed


@pytest.mark.usefixtures("unpainted")
def test_an_optimizer_without_a_row_is_not_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(settings.TUNED, "Lion")  # its default rate of 0.0001 is far too small for 300 steps
    assert main(["airfoil", "--quick", "--optimizers", "lion,adam", "--out", str(tmp_path)]) == 0
    printed = flat(capsys.readouterr().out)
    assert "Every tuned optimizer ended between the exact minimum and 0.256. Not judged, at their" in printed
    assert "defaults: Lion; onepass.lab.airfoil.settings.TUNED has no row." in printed


@pytest.mark.usefixtures("unpainted")
def test_the_calls_of_the_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call = ["airfoil", "--gluon", "--quick", "--out", str(tmp_path), "--json", str(tmp_path / "r.json")]
    assert main(call) == 0
    runs = json.loads((tmp_path / "r.json").read_text())["runs"]
    assert [run["optimizer"] for run in runs] == list(settings.TEXT)
    assert runs[1]["hyperparameters"] == {"learning_rate": 0.005, "momentum": 0.9}
    printed = capsys.readouterr().out
    for run in runs:
        rate, end = run["hyperparameters"].get("learning_rate", "-"), f"{run['losses'][-1]:.5f}"
        assert re.search(rf"^ *{run['optimizer']} +{rate} +{end} .* yes *$", printed, re.MULTILINE)


@pytest.mark.usefixtures("unpainted")
def test_limits_are_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row, "HIGHEST", 0.242)
    assert main(["airfoil", "--quick", "--optimizers", "rprop", "--out", str(tmp_path)]) == 1


def test_a_named_folder_must_have_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["airfoil", "--data-dir", str(tmp_path), "--out", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith(f"onepass airfoil: The airfoil data: there is no {FILE} ")


@pytest.mark.usefixtures("unpainted")
def test_a_variable_may_name_a_folder_of_other_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ONEPASS_DATA", str(tmp_path))
    assert main(["airfoil", "--quick", "--optimizers", "adam", "--out", str(tmp_path)]) == 0
    assert "Generated" in capsys.readouterr().out
    assert (tmp_path / command.PICTURE).is_file()
