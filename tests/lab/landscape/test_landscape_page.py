"""Does the explorer work in a browser? It draws, turns under the mouse, obeys its buttons and reports no error."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")
pytest.importorskip("plotly")
pytest.importorskip("selenium")

from browser import Browser
from selenium.webdriver.support.ui import WebDriverWait

from onepass.lab.landscape.explorer import write_explorer
from onepass.lab.landscape.plane import PrincipalPlane
from onepass.lab.landscape.results import Track, View
from onepass.lab.landscape.surface import Surface

SCENE = "document.getElementById('landscape')._fullLayout.scene"
HEIGHTS = "Array.from(document.getElementById('landscape')._fullData[1].z)"
CANVAS = ".gl-container canvas"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bowl with two paths."""
    side = np.linspace(-2, 2, 21)
    bowl = 0.01 + side**2 + side[:, np.newaxis] ** 2
    tracks = tuple(
        Track(
            label,
            np.array([[sign * 1.5, 1.5], [sign, 0.5], [0.0, 0.0]]),
            losses=np.array([4.0, 1.0, 0.0]),
            seen_losses=np.array([4.51, 1.26, 0.01]),
            distances=np.ones(3),
        )
        for label, sign in (("Adam", 1), ("SGD", -1))
    )
    path = tmp_path_factory.mktemp("page") / "page.html"
    plane = PrincipalPlane(np.zeros(5), np.eye(2, 5), (0.6, 0.3))
    write_explorer(View(plane, Surface(side, side, bowl), tracks), "A bowl", path)
    return path


@pytest.fixture
def explorer(browser: Browser, page: Path) -> Browser:
    browser.open(page)
    browser.wait_for(f"document.querySelector('{CANVAS}') && {SCENE}._scene.glplot != null")
    WebDriverWait(browser.driver, 30).until(lambda driver: np.ptp(browser.pixels(CANVAS)[..., :3]) > 0.5, "it is blank")
    return browser


def test_it_draws_the_surface_without_network_or_errors(explorer: Browser) -> None:
    pixels = explorer.pixels(CANVAS)[..., :3]
    colours = np.unique((255 * pixels).round().reshape(-1, 3), axis=0)
    assert len(colours) > 200
    assert 0.05 < (np.ptp(pixels, axis=2) > 0.05).mean() < 0.9  # what is coloured is not all and not nothing
    names = explorer.value("[...document.querySelectorAll('.legendtext')].map(text => text.textContent)")
    assert names == ["Adam", "SGD"]
    assert explorer.value("performance.getEntriesByType('resource').length") == 0
    assert explorer.errors() == []


def test_it_turns_under_the_mouse(explorer: Browser) -> None:
    eye = f"Object.values({SCENE}._scene.getCamera().eye)"
    before, pixels = explorer.value(eye), explorer.pixels(CANVAS)
    explorer.drag(CANVAS, 150, 40)
    explorer.wait_for(f"JSON.stringify({eye}) != '{explorer.value(f'JSON.stringify({before})')}'")
    after = explorer.value(eye)
    assert np.linalg.norm(np.subtract(after, before)) > 0.2
    assert np.linalg.norm(after) == pytest.approx(np.linalg.norm(before), rel=0.05)  # turned, not zoomed
    assert (explorer.pixels(CANVAS) != pixels).any(axis=2).mean() > 0.02
    assert explorer.errors() == []


def test_a_button_draws_the_paths_at_their_true_loss(explorer: Browser) -> None:
    assert explorer.value(HEIGHTS) == pytest.approx([1.05 * 4.51, 1.05 * 1.26, 1.05 * 0.01])
    press(explorer, "Paths at their true loss")
    explorer.wait_for(f"{HEIGHTS}[0] == 4")
    assert explorer.value(HEIGHTS) == [4, 1, 1e-6]  # 0 has no place on a logarithmic axis
    press(explorer, "Linear")
    explorer.wait_for(f"{SCENE}.zaxis.type == 'linear'")
    press(explorer, "Logarithmic")
    explorer.wait_for(f"{SCENE}.zaxis.type == 'log'")
    assert explorer.errors() == []


def press(explorer: Browser, label: str) -> None:
    buttons = explorer.driver.find_elements("css selector", ".updatemenu-button")
    next(button for button in buttons if button.text == label).click()


def test_the_same_view_makes_the_same_page(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert "A bowl" in text
    assert 'id="landscape"' in text
    assert "<script src=" not in text
