"""What does `onepass claims` print and write, and with which exit status?"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("sklearn")
pytest.importorskip("rich")
pytest.importorskip("matplotlib")

import numpy as np
from matplotlib.image import imread

from onepass.cli import main
from onepass.lab.claims import command
from onepass.lab.claims.chart import Bars, Chart, Line
from onepass.lab.claims.claim import Check, Claim, Number, Outcome, Setup
from onepass.lab.claims.plots import draw_claim
from onepass.lab.claims.registry import all_claims

PAGE = Path(__file__).parents[3] / "docs" / "lab" / "claims.md"


def a_claim(outcome: Outcome) -> Claim:
    return Claim("a-claim", "It is so.", "Somebody 2000", lambda setup: outcome)


def an_outcome(*, met: bool = True, value: float = 1.0) -> Outcome:
    chart = Chart((Line.of("way", [1.0, 2.0, 3.0]),), "step", "x")
    return Outcome((Check("it is so", met),), (Number("size", value, 1.0),), chart)


def assert_is_a_picture(path: Path) -> None:
    pixels = imread(path)
    height, width, _ = pixels.shape
    assert width >= 900
    assert height >= 500
    assert path.stat().st_size < 200_000
    assert 0.01 < (pixels[..., :3].min(axis=2) < 0.9).mean() < 0.7  # ink, and not ink all over


def test_some_claims(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, results = tmp_path / "new" / "folder", tmp_path / "results.json"
    call = ["claims", "--quick", "--only", "Rmsprop-Bias,momentum-damps", "--out", str(out), "--json", str(results)]
    assert main(call) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "2 claims: 1 hold, 1 depend, 0 fail" in printed
    assert "length / lr: step 1 = 10 (theory" in printed
    assert "Every number that theory gives exactly is what theory says. A quick look: fewer steps, " in printed
    assert sorted(path.name for path in out.iterdir()) == [
        "onepass-claims-momentum-damps.png",
        "onepass-claims-rmsprop-bias.png",
    ]
    for path in out.iterdir():
        assert_is_a_picture(path)
    saved = json.loads(results.read_text())
    assert saved["experiment"] == {"command": "claims", "seed": 0, "quick": True}
    assert [(claim["name"], claim["verdict"]) for claim in saved["claims"]] == [
        ("rmsprop-bias", "holds"),
        ("momentum-damps", "depends"),
    ]
    first = saved["claims"][0]
    assert first["numbers"][0]["value"] == pytest.approx(10)
    assert all(check["met"] for check in first["checks"])
    assert first["chart"]["content"][0]["label"] == "RMSProp"


def test_all_is_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    claims = {name: Claim(name, "So.", "", lambda setup: an_outcome()) for name in ("one", "two", "three")}
    monkeypatch.setattr(command, "all_claims", lambda: claims)
    assert main(["claims", "--out", str(tmp_path)]) == 0
    assert len(list(tmp_path.iterdir())) == 3
    printed = capsys.readouterr().out
    assert "3 pictures" in printed
    assert "quick" not in printed


@pytest.mark.parametrize(
    ("outcome", "status", "printed"),
    [
        (an_outcome(met=False), 0, "not so: it is so"),
        (an_outcome(value=1.1), 1, "Not what theory says: a-claim (size = 1.1 (NOT theory 1))"),
    ],
)
def test_the_status_is_of_theory_not_of_verdicts(
    outcome: Outcome,
    status: int,
    printed: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(command, "all_claims", lambda: {"a-claim": a_claim(outcome)})
    assert main(["claims", "--out", str(tmp_path)]) == status
    assert printed in " ".join(capsys.readouterr().out.split())


def test_seed_and_quick_reach_the_experiment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Setup] = []

    def experiment(setup: Setup) -> Outcome:
        seen.append(setup)
        return an_outcome()

    monkeypatch.setattr(command, "all_claims", lambda: {"x": Claim("x", "So.", "", experiment)})
    assert main(["claims", "--seed", "7", "--quick", "--out", str(tmp_path)]) == 0
    assert main(["claims", "--out", str(tmp_path)]) == 0
    assert seen == [Setup(seed=7, quick=True), Setup(seed=0, quick=False)]


def test_the_list_tests_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["claims", "--list", "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    for name in all_claims():
        assert f" {name} " in printed
    assert not list(tmp_path.iterdir())


def test_an_unknown_claim(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["claims", "--only", "adam-diverges,adam-sings"])
    assert stopped.value.code == 2
    error = capsys.readouterr().err
    assert "argument --only: there is no claim 'adam-sings'; there are adagrad-freezes, " in error


def test_a_picture_of_what_is_not_finite(tmp_path: Path) -> None:
    lines = (Line.of("gone", [1.0, np.inf, np.nan]), Line.of("dots", [1.0, 10.0], [1, 100], dots=True))
    bars = Bars(("one", "two"), {"size": (1.0, float("nan")), "time": (2.0, 0.0)})
    for content in (lines, bars):
        outcome = Outcome((Check("so", True),), (), Chart(content, "x", "y", log_x=isinstance(content, tuple)))
        draw_claim(a_claim(outcome), outcome, tmp_path / "picture.png")
        assert_is_a_picture(tmp_path / "picture.png")


@pytest.mark.skipif(not PAGE.exists(), reason="the page is not beside the tests")
def test_the_page_tells_every_verdict(outcomes: dict[str, Outcome]) -> None:
    page = PAGE.read_text(encoding="utf-8")
    for name, outcome in outcomes.items():
        assert f"| [{name}](#{name}) | " in page
        row = next(line for line in page.splitlines() if line.startswith(f"| [{name}]"))
        assert f"| {outcome.verdict.value} |" in row
        assert f"\n### {name}\n" in page
        assert (PAGE.parent / f"onepass-claims-{name}.png").exists()
        assert f"(onepass-claims-{name}.png)" in page
