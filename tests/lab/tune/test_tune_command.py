"""What does `onepass tune` write? Tables, two pictures and JSON."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn")
pytest.importorskip("rich")
pytest.importorskip("matplotlib")
pytest.importorskip("optuna")
pytest.importorskip("threadpoolctl")

from matplotlib.image import imread

from onepass.cli import main
from onepass.lab.settings import all_optimizers
from onepass.lab.tune import command
from onepass.lab.tune.genes import Genes
from onepass.lab.tune.history_plot import draw_history
from onepass.lab.tune.lstm import LSTM
from onepass.lab.tune.results import WINNER, Score
from onepass.lab.tune.search import Individual, Search


def assert_is_a_picture(path: Path) -> None:
    pixels = imread(path)
    assert pixels.shape[1] >= 1500
    assert 0.01 < (pixels[..., :3].min(axis=2) < 0.9).mean() < 0.7


def test_quick(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, results = tmp_path / "new" / "folder", tmp_path / "results.json"
    assert main(["tune", "--quick", "--out", str(out), "--json", str(results)]) == 0
    assert_is_a_picture(out / "onepass-tune.png")
    assert_is_a_picture(out / "onepass-tune-forecast.png")
    saved = json.loads(results.read_text())
    assert {name: saved["experiment"][name] for name in ("trials", "population", "epochs", "seed")} == {
        "trials": 8,
        "population": 4,
        "epochs": 2,
        "seed": 0,
    }
    assert [trial["number"] for trial in saved["trials"]] == list(range(1, 9))
    errors = saved["errors"]
    assert errors[WINNER]["validation"] == saved["best"]["error"]
    # How many it beats depends on what eight trials draw, and that on how many optimizers there are.
    beaten = [name for name in errors if errors[WINNER]["test"] < errors[name]["test"]]
    assert "the last value" in beaten
    printed = capsys.readouterr()
    assert printed.err == ""
    lines = printed.out.splitlines()
    first = next(line for line in lines if line.split()[:1] == [str(saved["best"]["number"])])
    assert first.split()[2] == saved["best"]["genes"]["optimizer"]
    for name, error in errors.items():
        assert any(line.strip().startswith(name) and f"{error['test']:.4f}" in line for line in lines)
    assert f"In the test part the best network forecasts better than: {', '.join(beaten)}." in printed.out


@pytest.mark.usefixtures("unpainted")
def test_numbers_can_be_chosen_and_repeat(tmp_path: Path) -> None:
    call = ["tune", "--trials", "3", "--population", "2", "--epochs", "1", "--optimizers", "adam,LION", "--seed", "5"]
    saved = []
    for number in range(2):
        results = tmp_path / f"{number}.json"
        assert main([*call, "--out", str(tmp_path), "--json", str(results)]) == 0
        saved.append(json.loads(results.read_text()))
    assert saved[0]["trials"] == saved[1]["trials"]
    assert saved[0]["errors"] == saved[1]["errors"]
    assert [trial["generation"] for trial in saved[0]["trials"]] == [1, 1, 2]
    assert {trial["genes"]["optimizer"] for trial in saved[0]["trials"]} <= {"Adam", "Lion"}


def test_one_alone_has_nobody_to_cross_with(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["tune", "--population", "1"])
    assert end.value.code == 2
    assert "argument --population: one alone has nobody to cross with; name at least 2" in capsys.readouterr().err


@pytest.mark.usefixtures("unpainted")
def test_a_search_that_beats_nothing_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(LSTM, "forecast", lambda self, windows: np.full(len(windows), np.float32(9)))
    assert main(["tune", "--trials", "1", "--epochs", "1", "--out", str(tmp_path)]) == 0
    assert "the best network forecasts better than: none of the others." in capsys.readouterr().out


def test_a_picture_of_trials_that_diverged_and_of_every_optimizer(tmp_path: Path) -> None:
    names = list(all_optimizers())
    individuals = tuple(
        Individual(number, 1 + (number - 1) // 4, Genes(name, 1e-4 * number, 8, 1, 0.0, 16), 0.02 * number)
        for number, name in enumerate(names, start=2)
    )
    lost = Individual(1, 1, Genes("SGD", 1.0, 8, 1, 0.0, 16), math.inf)
    compared = {name: Score(0.1, 0.1, np.zeros(3)) for name in ("the last value", "another", "a third", WINNER)}
    draw_history(Search((lost, *individuals), LSTM(1, 1)), compared, "a title", tmp_path / command.HISTORY)
    assert_is_a_picture(tmp_path / command.HISTORY)
