"""What does `onepass race` write? A table, a picture, an animation, a page and JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("rich")
pytest.importorskip("matplotlib")
pytest.importorskip("plotly")

from PIL import Image

from onepass.cli import main
from onepass.lab.race import command
from onepass.lab.race.solvers import SOLVERS
from onepass.lab.race.surfaces import SURFACES
from onepass.lab.settings import all_optimizers


def flat(text: str) -> str:
    return " ".join(text.split())


def test_quick(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, results = tmp_path / "new" / "folder", tmp_path / "results.json"
    assert main(["race", "--quick", "--out", str(out), "--json", str(results)]) == 0
    assert sorted(path.name for path in out.iterdir()) == ["onepass-race-animation.gif", "onepass-race.png"]
    with Image.open(out / "onepass-race-animation.gif") as image:
        assert image.n_frames == command.QUICK_FRAMES
    saved = json.loads(results.read_text())
    assert saved["experiment"] == {"command": "race", "steps": 500, "lr": None, "seed": 0}
    assert saved["config"]["version"]
    assert [(run["surface"], run["racer"]) for run in saved["runs"]] == [
        (surface, name) for surface in command.QUICK_SURFACES for name in command.QUICK_OPTIMIZERS
    ]
    lines = capsys.readouterr().out.splitlines()
    for run in saved["runs"]:
        assert len(run["points"]) == 501
        words = [
            run["racer"],
            f"{run['lr']:g}",
            "-" if run["steps"] is None else f"{run['steps']}",
            f"{run['value']:.3g}",
        ]
        assert any(" ".join(words) in flat(line) and run["outcome"] in line for line in lines)
    assert "3 optimizers, 500 steps, tuned learning rates" in lines[0]


@pytest.mark.usefixtures("unpainted")
def test_all_optimizers_on_all_surfaces(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = tmp_path / "results.json"
    call = ["race", "--optimizers", "All", "--animation", "none", "--out", str(tmp_path), "--json", str(results)]
    assert main(call) == 0
    runs = json.loads(results.read_text())["runs"]
    assert [(run["surface"], run["racer"]) for run in runs] == [
        (surface, name) for surface in SURFACES for name in [*all_optimizers(), *SOLVERS]
    ]
    assert {run["racer"] for run in runs if run["lr"] is None} == set(SOLVERS)
    assert {run["outcome"] for run in runs} == {
        "reached the minimum",
        "stuck in a local minimum",
        "under way",
        "fell over the edge",
        "diverged",  # CG, where the surface has no end
    }
    assert sorted(path.name for path in tmp_path.iterdir()) == ["onepass-race.png", "results.json"]


@pytest.mark.usefixtures("unpainted")
def test_one_learning_rate_for_all(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = tmp_path / "results.json"
    call = ["race", "--surfaces", "Rosenbrock,noisy", "--optimizers", "sgd,adam", "--steps", "20", "--lr", "0.3"]
    assert main([*call, "--seed", "4", "--animation", "none", "--out", str(tmp_path), "--json", str(results)]) == 0
    saved = json.loads(results.read_text())
    assert [(run["surface"], run["racer"], run["lr"]) for run in saved["runs"]] == [
        ("rosenbrock", "SGD", 0.3),
        ("rosenbrock", "Adam", 0.3),
        ("noisy", "SGD", 0.3),
        ("noisy", "Adam", 0.3),
    ]
    assert [run["outcome"] for run in saved["runs"][:2]] == ["diverged", "under way"]
    assert saved["runs"][0]["steps"] == 1
    printed = capsys.readouterr().out
    assert "learning rate 0.3" in printed
    assert printed.index("Adam") < printed.index("SGD")  # who diverges is last


@pytest.mark.usefixtures("unpainted")
def test_groups_and_names_mix(tmp_path: Path) -> None:
    results = tmp_path / "results.json"
    call = ["race", "--surfaces", "beale", "--optimizers", "adam, Second-Order,bfgs", "--animation", "none"]
    assert main([*call, "--out", str(tmp_path), "--json", str(results)]) == 0
    assert [run["racer"] for run in json.loads(results.read_text())["runs"]] == ["Adam", *SOLVERS]


@pytest.mark.usefixtures("unpainted")
def test_the_seed_decides_the_noise(tmp_path: Path) -> None:
    def points(seed: int) -> list[list[float]]:
        call = ["race", "--surfaces", "noisy", "--optimizers", "sgd", "--animation", "none", "--seed", str(seed)]
        assert main([*call, "--out", str(tmp_path), "--json", str(tmp_path / "results.json")]) == 0
        found: list[list[float]] = json.loads((tmp_path / "results.json").read_text())["runs"][0]["points"]
        return found

    assert points(1) == points(1)
    assert points(1) != points(2)


def test_the_pages(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call = ["race", "--surfaces", "cubic", "--optimizers", "sgd,cg", "--steps", "5", "--animation", "html", "--html"]
    assert main([*call, "--out", str(tmp_path)]) == 0
    assert {path.name for path in tmp_path.iterdir()} == {
        "onepass-race.png",
        "onepass-race-animation.html",
        "onepass-race.html",
    }
    assert "onepass-race.html written" in flat(capsys.readouterr().out)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--surfaces", "beal"], "argument --surfaces: there is no surface 'beal'; there are beale, rosenbrock,"),
        (["--optimizers", "sdg"], "argument --optimizers: there is no optimizer 'sdg'; there are "),
        (["--lr", "0"], "argument --lr: must be a number above 0, got '0'"),
        (["--lr", "nan"], "argument --lr: must be a number above 0, got 'nan'"),
        (["--lr", "fast"], "argument --lr: must be a number above 0, got 'fast'"),
        (["--steps", "0"], "argument --steps: must be a whole number from 1 on, got '0'"),
        (["--animation", "avi"], "argument --animation: invalid choice: 'avi'"),
    ],
    ids=" ".join,
)
def test_bad_calls(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(["race", *arguments])
    assert exit_.value.code == 2
    assert message in capsys.readouterr().err


def test_mp4_without_ffmpeg(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "can_write_mp4", lambda: False)
    with pytest.raises(SystemExit) as exit_:
        main(["race", "--animation", "mp4", "--out", str(tmp_path / "folder")])
    assert exit_.value.code == 2
    error = capsys.readouterr().err
    assert "argument --animation: mp4 needs ffmpeg, which is not installed; on Debian: apt install ffmpeg;" in error
    assert "--animation gif or html" in error
    assert not (tmp_path / "folder").exists()
