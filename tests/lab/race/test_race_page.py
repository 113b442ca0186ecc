"""Does the page with sliders work? In Chromium: it draws, a slider changes what is drawn, and nothing goes wrong."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("plotly")

from browser import Browser

from onepass.lab.race.grid import LEARNING_RATES, MOMENTA, STEPS, line, momentum_setting, runs_for
from onepass.lab.race.outcome import Run, race
from onepass.lab.race.page import write_page
from onepass.lab.race.racers import optimizer_racer
from onepass.lab.race.solvers import solver_racer
from onepass.lab.race.surfaces import SURFACES, Surface
from onepass.lab.settings import all_optimizers

NAMES = ("SGD", "Momentum")
SHOWN = [SURFACES["ill-conditioned"], SURFACES["x-cos"]]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "race.html"
    write_page(SHOWN, NAMES, path, seed=0)
    return path


DRAWN = "document.getElementById('race').calcdata.slice(5).map(trace => trace.map(point => [point.x, point.y]))"
#: Whether two ways are the same but for rounding.
IS_NEAR = """window.isNear = (one, other) => one.length == other.length && one.every((point, i) =>
  point.every((x, j) => Math.abs(x - other[i][j]) <= 1e-6 * Math.abs(other[i][j])))"""


def expect(browser: Browser, surface: Surface, lr: float, momentum: float) -> list[str]:
    """Wait for the ways of these learning rate and momentum; returns the lines that are drawn, as paths of SVG."""
    settings: dict[str, dict[str, Any]] = {"SGD": {}, "Momentum": {"momentum": momentum}}
    expected = [line(race(optimizer_racer(name, lr, **settings[name]), surface, STEPS)) for name in NAMES]
    ways = [np.transpose(part).tolist() for part in expected]
    browser.wait_for(f"{DRAWN}.length == {len(ways)} && {DRAWN}.every((way, i) => isNear(way, {json.dumps(ways)}[i]))")
    paths: list[str] = browser.value(
        "[...document.querySelectorAll('.scatterlayer .js-line')].map(path => path.getAttribute('d'))"
    )
    assert len(paths) == len(NAMES)
    return paths


def move_slider(browser: Browser, number: int, steps: int) -> None:
    browser.drag(f".slider-group:nth-of-type({number}) .slider-grip-rect", steps * STEP_PIXELS[number], 0)


#: From one value to the next, on a window of 1200 pixels.
STEP_PIXELS = {1: 67, 2: 187}


def test_sliders_and_menu(browser: Browser, page: Path) -> None:
    browser.open(page)
    browser.value(IS_NEAR)
    bowl, valleys = SHOWN
    browser.wait_for("document.querySelectorAll('.slider-grip-rect').length == 2")
    first = expect(browser, bowl, 0.01, 0.9)
    move_slider(browser, 1, 3)
    faster = expect(browser, bowl, 0.1, 0.9)
    assert faster[0] != first[0]
    assert faster[1] != first[1]
    move_slider(browser, 2, -1)
    lighter = expect(browser, bowl, 0.1, 0.8)
    assert lighter[0] == faster[0]  # the momentum is not SGD's
    assert lighter[1] != faster[1]

    before = browser.pixels(".plot-container")
    browser.driver.find_element("css selector", ".updatemenu-header").click()
    browser.wait_for("document.querySelectorAll('.updatemenu-dropdown-button').length == 2")
    browser.driver.find_elements("css selector", ".updatemenu-dropdown-button")[1].click()
    expect(browser, valleys, 0.1, 0.8)
    assert "x cos(πx)" in browser.value("document.querySelector('.gtitle').textContent")
    assert browser.value("document.getElementById('race').layout.xaxis.range") == [0, STEPS]
    assert (browser.pixels(".plot-container") != before).any(axis=-1).mean() > 0.05
    move_slider(browser, 1, -3)
    expect(browser, valleys, 0.01, 0.8)
    assert browser.errors() == []


def test_the_page_needs_no_network(page: Path) -> None:
    text = page.read_text()
    assert not re.search(r"<(script|link|img)[^>]*(src|href)=[\"']?http", text)
    assert "</html>" in text[-20:]


def test_the_same_page_again(page: Path, tmp_path: Path) -> None:
    write_page(SHOWN, NAMES, tmp_path / "again.html", seed=0)
    assert (tmp_path / "again.html").read_bytes() == page.read_bytes()


def test_who_has_a_momentum() -> None:
    settings = {name: momentum_setting(name, 0.5) for name in all_optimizers()}
    assert settings["SGD"] is settings["RMSprop"] is settings["Adagrad"] is settings["Rprop"] is None
    assert settings["Momentum"] == settings["Nesterov"] == {"momentum": 0.5}
    assert settings["Adam"] == settings["NAdam"] == {"betas": (0.5, 0.999)}
    assert settings["Lion"] == {"betas": (0.5, 0.99)}
    for name, setting in settings.items():
        all_optimizers()[name]([np.zeros(1)], lr=0.1, **(setting or {}))


def test_the_grid_is_made_of_races() -> None:
    surface = SURFACES["beale"]
    runs = runs_for("Momentum", surface, {"momentum": MOMENTA[1]}, seed=0)
    assert [run.lr for run in runs] == list(LEARNING_RATES)
    for run in runs[::3]:
        assert run.lr is not None
        alone = race(optimizer_racer("Momentum", run.lr, momentum=MOMENTA[1]), surface, STEPS)
        np.testing.assert_array_equal(run.points, alone.points)
    assert not runs[0].left
    assert runs[-1].left


def test_a_line_has_the_points_that_can_be_told_apart() -> None:
    x = np.array([0.0, 0.001, 0.002, 0.5, 0.501, 0.9, 0.9001])
    run = Run("SGD", 0.1, SURFACES["saddle"], np.column_stack([x, 0 * x]))
    drawn = line(run)
    assert drawn.dtype == np.float32
    np.testing.assert_array_equal(drawn[0], np.float32([0.0, 0.5, 0.9, 0.9001]))


def test_who_has_no_learning_rate_goes_one_way() -> None:
    surface = SURFACES["beale"]
    assert momentum_setting("BFGS", 0.5) is None
    runs = runs_for("BFGS", surface, {}, seed=0)
    assert len(runs) == len(LEARNING_RATES)
    for run in runs:
        np.testing.assert_array_equal(run.points, race(solver_racer("BFGS"), surface, STEPS).points)
