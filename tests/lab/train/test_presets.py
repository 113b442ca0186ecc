"""Are the published experiments made as they are described, compared, and refused what contradicts them?"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from idx_files import write_small_mnist

pytest.importorskip("sklearn")
pytest.importorskip("rich")
pytest.importorskip("matplotlib")

from matplotlib.image import imread

from onepass.cli import main
from onepass.lab.data.mnist import mnist
from onepass.lab.settings import all_optimizers
from onepass.lab.train import request
from onepass.lab.train.presets import PRESETS


@pytest.fixture
def small_mnist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_small_mnist(tmp_path / "mnist")
    monkeypatch.setenv("ONEPASS_DATA", str(tmp_path))
    return tmp_path


def refused(call: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as exit_:
        main(["train", *call])
    assert exit_.value.code == 2
    return capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_speaks_of_rows_that_it_has(name: str) -> None:
    preset = PRESETS[name]
    labels = [entry.label for entry in preset.entries]
    assert len(set(labels)) == len(labels)
    assert {*preset.quick, *preset.ranking} <= set(labels)
    assert {entry.optimizer for entry in preset.entries} <= all_optimizers().keys()
    assert all(figure.epoch <= preset.plan.epochs for figure in preset.figures)


def test_fnn_2021_has_every_optimizer_with_the_same_rate() -> None:
    preset = PRESETS["fnn-2021"]
    assert {entry.optimizer for entry in preset.entries} == all_optimizers().keys()
    rates = {entry.label: entry.setting.hyperparameters["lr"] for entry in preset.entries}
    assert {label: rate for label, rate in rates.items() if rate != 0.01} == {"Adadelta": 1.0}
    assert (preset.plan.hidden, preset.plan.epochs, preset.plan.batch_size, preset.init) == ((50,), 100, 6000, "he")


def test_fnn_2021_in_small(small_mnist: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = small_mnist / "results.json"
    call = ["train", "--preset", "fnn-2021", "--epochs", "2", "--out", str(small_mnist), "--json", str(results)]
    assert main(call) == 0
    saved = json.loads(results.read_text())
    assert saved["experiment"]["preset"] == "fnn-2021"
    assert saved["experiment"]["sizes"] == [64, 50, 10]
    assert [run["optimizer"] for run in saved["runs"]] == [entry.label for entry in PRESETS["fnn-2021"].entries]
    assert [run["schedule"] for run in saved["runs"] if run["schedule"]] == ["exponential"]
    printed = capsys.readouterr().out
    rmsprop = next(line for line in printed.splitlines() if line.strip().startswith("RMSprop "))
    last_batch = next(run["last_batch_accuracy"] for run in saved["runs"] if run["optimizer"] == "RMSprop")
    assert f" {last_batch:.2%}   97.6% " in rmsprop
    assert "Published order: RMSprop > Adam > GD, exponential decay > Adamax > GD" in printed
    assert "Adadelta: lr scales its steps, 1 as in its paper" in printed
    assert min(imread(small_mnist / "onepass-train-fnn-2021.png").shape[:2]) > 500


def test_mlp_sgd_on_other_data_is_not_as_published(small_mnist: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = small_mnist / "results.json"
    assert main(["train", "--preset", "mlp-sgd", "--out", str(small_mnist), "--json", str(results)]) == 1
    saved = json.loads(results.read_text())
    assert saved["experiment"]["init"] == "xavier"
    assert [entry["verdict"] for entry in saved["published"]] == ["-", "-", "NO", "NO"]
    printed = capsys.readouterr().out
    assert "Not as published: training loss, test accuracy" in printed
    assert (small_mnist / "onepass-train-mlp-sgd.png").is_file()


def test_quick_is_a_part(small_mnist: Path) -> None:
    results = small_mnist / "results.json"
    call = ["train", "--quick", "--out", str(small_mnist), "--json", str(results), "--preset"]
    for name, preset in PRESETS.items():
        assert main([*call, name]) == 0
        saved = json.loads(results.read_text())
        assert saved["experiment"]["epochs"] == preset.plan.quick_epochs
        assert tuple(run["optimizer"] for run in saved["runs"]) == preset.quick


def test_optimizers_choose_the_rows(small_mnist: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = small_mnist / "results.json"
    call = ["train", "--preset", "fnn-2021", "--epochs", "1", "--out", str(small_mnist), "--json", str(results)]
    assert main([*call, "--optimizers", "sgd,lion"]) == 0
    labels = [run["optimizer"] for run in json.loads(results.read_text())["runs"]]
    assert labels == ["GD", "GD, exponential decay", "Lion"]
    error = refused(["--preset", "mlp-sgd", "--optimizers", "adam"], capsys)
    assert error.endswith("argument --optimizers: --preset mlp-sgd has SGD")


@pytest.mark.parametrize(
    ("option", "value"),
    [("--data", "digits"), ("--hidden", "5"), ("--batch-size", "5"), ("--init", "he"), ("--schedule", "cosine")],
)
def test_what_a_preset_decides_is_refused(option: str, value: str, capsys: pytest.CaptureFixture[str]) -> None:
    error = refused(["--preset", "mlp-sgd", option, value], capsys)
    assert error.endswith(f"argument {option}: --preset mlp-sgd decides that; leave one out")


def test_without_mnist_the_ways_out_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("ONEPASS_DATA", raising=False)
    assert main(["train", "--preset", "mlp-sgd", "--quick", "--out", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("onepass train: MNIST: there is no ")
    assert error.endswith("the environment variable ONEPASS_DATA, or load it from OpenML: --download\n")


def test_download(small_mnist: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    given: list[str] = []

    def from_openml(way_out: str) -> object:
        given.append(way_out)
        return mnist(small_mnist)

    monkeypatch.setattr(request, "openml_mnist", from_openml)
    call = ["train", "--download", "--epochs", "1", "--optimizers", "sgd", "--out", str(small_mnist)]
    assert main([*call, "--data", "mnist"]) == 0
    assert main([*call, "--preset", "mlp-sgd"]) == 0
    assert given == ["take the digits that come along: --data digits", ""]
    error = refused(["--download"], capsys)
    assert error.endswith("argument --download: the digits come along and need none; add --data mnist")
    assert "not allowed with argument" in refused(["--download", "--data-dir", "."], capsys)


def test_the_schedule_and_the_start_are_chosen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = tmp_path / "results.json"
    call = ["train", "--epochs", "2", "--optimizers", "adam,rprop", "--out", str(tmp_path), "--json", str(results)]
    assert main([*call, "--schedule", "cosine", "--init", "xavier"]) == 0
    saved = json.loads(results.read_text())
    assert [run["schedule"] for run in saved["runs"]] == ["cosine", None]
    assert saved["experiment"]["init"] == "xavier"
    printed = capsys.readouterr().out
    assert "Xavier start" in " ".join(printed.split())
    assert "Rprop: no schedule, as its lr is only where its step sizes start" in printed


@pytest.mark.exhaustive
def test_mlp_sgd_as_published(mnist_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONEPASS_DATA", str(mnist_folder))
    results = tmp_path / "results.json"
    assert main(["train", "--preset", "mlp-sgd", "--out", str(tmp_path), "--json", str(results)]) == 0
    assert [entry["verdict"] for entry in json.loads(results.read_text())["published"]] == ["-", "-", "yes", "yes"]
