"""What does `onepass landscape` write? Two tables, four pictures, a page if asked for, and JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn")
pytest.importorskip("rich")
pytest.importorskip("matplotlib")
pytest.importorskip("plotly")

from matplotlib.image import imread

from onepass.cli import main
from onepass.lab.data.digits import digits
from onepass.lab.landscape import command
from onepass.lab.landscape.solutions import Experiment
from onepass.reference import Twin

SMALL = ("--epochs", "3", "--resolution", "5", "--examples", "200")


def landscape(folder: Path, *more: str, status: int = 0) -> dict[str, Any]:
    """What the command writes as JSON."""
    results = folder / "results.json"
    assert main(["landscape", "--out", str(folder), "--json", str(results), *more]) == status
    saved: dict[str, Any] = json.loads(results.read_text(), parse_constant=pytest.fail)
    return saved


def assert_are_pictures(folder: Path, names: Sequence[str] = command.PICTURES) -> None:
    for name in names:
        pixels = imread(folder / name)
        height, width, _ = pixels.shape
        assert width >= 600
        assert height >= 400
        assert len(np.unique(pixels.reshape(-1, pixels.shape[2]), axis=0)) > 50


def test_quick(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    saved = landscape(tmp_path / "new", "--quick")
    assert_are_pictures(tmp_path / "new")
    assert not (tmp_path / "new" / command.PAGE).exists()
    assert [view["paths"][0]["label"] for view in saved["paths"]] == list(command.QUICK_OPTIMIZERS)
    assert [path["label"] for path in saved["common"]["paths"]] == list(command.QUICK_OPTIMIZERS)
    labels = [solution["label"] for solution in saved["solutions"]]
    assert labels == [*command.QUICK_OPTIMIZERS, "Adam, batch 674", "Adam, other start"]
    assert saved["experiment"]["measured_examples"] == 1348
    size = command.QUICK_RESOLUTION
    for grid in (*saved["around"], *saved["paths"], saved["common"]):
        assert np.shape(grid["train_losses"]) == (size, size)
    printed = capsys.readouterr().out
    for solution in saved["solutions"]:
        assert solution["same_bits"]
        assert solution["test_accuracies"][-1] > 0.93
        assert f"{solution['train_losses'][-1]:.4f}" in printed
    for line in saved["lines"]:
        assert f"{line['barrier']:.4f}" in printed


@pytest.mark.usefixtures("unpainted")
def test_every_picture_goes_through_the_solutions(tmp_path: Path) -> None:
    saved = landscape(tmp_path, "--epochs", "2", "--resolution", "5", "--optimizers", "adam,sgd")
    adam, sgd, large, other = saved["solutions"]
    for line, end in zip(saved["lines"], (sgd, large, other), strict=True):
        for alpha, solution in ((0, adam), (1, end)):
            index = line["alphas"].index(alpha)
            assert line["train_losses"][index] == solution["train_losses"][-1]
            assert line["test_accuracies"][index] == solution["test_accuracies"][-1]
    for square, solution in zip(saved["around"], (adam, large), strict=True):
        assert square["train_losses"][2][2] == pytest.approx(solution["train_losses"][-1], rel=1e-5)
    for view, solution in zip(saved["paths"], (adam, sgd), strict=True):
        (path,) = view["paths"]
        assert path["train_losses"] == solution["train_losses"]
        assert path["coordinates"][-1] == pytest.approx([0, 0], abs=1e-6)
        assert path["train_losses_on_the_plane"][-1] == pytest.approx(solution["train_losses"][-1], rel=1e-5)
        assert sum(view["explained_shares"]) == pytest.approx(1)  # three points
        # The plane holds all three, if it goes through one of them.
        assert path["distances_from_the_plane"] == pytest.approx([0, 0, 0], abs=1e-6)
    assert 0 < sum(saved["common"]["explained_shares"]) < 1
    assert adam["train_losses"][0] == sgd["train_losses"][0] == large["train_losses"][0] != other["train_losses"][0]


@pytest.mark.usefixtures("unpainted")
def test_options(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    saved = landscape(tmp_path, *SMALL, "--hidden", "20,15", "--optimizers", "lion", "--large-batch", "5000", "--html")
    assert saved["experiment"]["sizes"] == [64, 20, 15, 10]
    assert saved["experiment"]["measured_examples"] == 200
    assert [solution["label"] for solution in saved["solutions"]] == ["Lion", "Lion, batch 1348", "Lion, other start"]
    assert len(saved["lines"]) == 2
    assert (tmp_path / command.PAGE).stat().st_size > 1e6  # plotly is inside
    assert "64-20-15-10 network on digits" in capsys.readouterr().out


@pytest.mark.usefixtures("unpainted")
def test_the_seed_decides(tmp_path: Path) -> None:
    call = (*SMALL, "--optimizers", "sgd", "--seed")
    first, again, other = ({**landscape(tmp_path, *call, seed), "solutions": None} for seed in ("1", "1", "2"))
    assert first == again
    assert first["around"] != other["around"]


def test_a_path_along_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of one optimizer alone, too: the fewest pictures beside each other."""
    for others in ("draw_lines", "draw_squares"):
        monkeypatch.setattr(command, others, lambda *arguments: arguments[-1].touch())
    saved = landscape(tmp_path, "--epochs", "1", "--resolution", "3", "--optimizers", "sgd")
    assert saved["paths"][0]["explained_shares"] == pytest.approx([1, 0], abs=1e-9)
    assert_are_pictures(tmp_path, command.PICTURES[2:])


def test_large_batches_make_as_many_steps() -> None:
    experiment = Experiment(digits(), (64,), ("Adam", "Rprop"), 40, 32, 674, seed=0)
    assert experiment.large_epochs == 40 * 42 // 2
    assert experiment.total_epochs == 40 * 3 + 840
    full = Experiment(digits(), (64,), ("Rprop",), 40, 32, 674, seed=0)  # takes all examples in any case
    assert full.large_epochs == 20


@pytest.mark.usefixtures("unpainted")
def test_other_bits_are_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Twin, "has_bits_of", lambda self, optimizer: False)
    landscape(tmp_path, *SMALL, "--optimizers", "sgd", status=1)
    assert "Not the bits of the NumPy reference: SGD, SGD, batch 674, SGD, other start" in capsys.readouterr().out


def test_a_run_that_diverged_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from onepass.lab.settings import TUNED, Setting

    monkeypatch.setitem(TUNED, "SGD", Setting({"lr": 1e30}))
    with np.errstate(all="ignore"):
        assert main(["landscape", *SMALL, "--optimizers", "adam,sgd", "--out", str(tmp_path)]) == 1
    assert "SGD diverged: nothing can be drawn" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        (("--resolution", "0"), "argument --resolution: must be a whole number from 1 on, got '0'"),
        (("--resolution", "2"), "argument --resolution: 3 points are the least for a surface"),
        (("--optimizers", "adam,newton"), "argument --optimizers: there is no optimizer 'newton'"),
    ],
)
def test_a_wrong_call(argument: tuple[str, str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as error:
        main(["landscape", *argument])
    assert error.value.code == 2
    assert message in capsys.readouterr().err
