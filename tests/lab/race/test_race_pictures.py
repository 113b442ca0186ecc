"""Do picture and animation show the race? Read back from the files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from matplotlib.colors import to_rgb
from PIL import Image

from onepass.arrays import Array
from onepass.lab.race.animation import animate, can_write_mp4, frame_steps
from onepass.lab.race.outcome import race
from onepass.lab.race.pictures import Races, draw_races
from onepass.lab.race.racers import optimizer_racer
from onepass.lab.race.relief import drawn, mark, ranges, relief
from onepass.lab.race.surfaces import SURFACES
from onepass.lab.style import styles

NAMES = ("SGD", "Momentum", "Adam")
LOOK = styles(NAMES)


def races(*surfaces: str, lr: float = 0.03, steps: int = 40) -> Races:
    return [[race(optimizer_racer(name, lr), SURFACES[surface], steps) for name in NAMES] for surface in surfaces]


def share_of(colour: str, pixels: Array) -> float:
    """The share of pixels that have a colour; to the left of the legend."""
    shown = pixels[:, : round(0.8 * pixels.shape[1])].astype(float) / 255
    return float((np.abs(shown - to_rgb(colour)).max(axis=-1) < 0.04).mean())


def read(path: Path) -> Array:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


@pytest.mark.parametrize(
    "surfaces",
    [("beale",), ("cubic",), ("saddle", "x-cos", "noisy"), tuple(SURFACES)],
    ids=lambda names: str(len(names)),
)
def test_the_picture_has_every_racers_colour(surfaces: tuple[str, ...], tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    draw_races(races(*surfaces), 40, path)
    pixels = read(path)
    assert path.stat().st_size < 250_000
    assert pixels.shape[1] >= 1000
    assert (pixels[[0, -1], :] == 255).all()  # nothing is cut off at the rim, and the background is white
    for style in LOOK.values():
        assert share_of(style.colour, pixels) > 5e-5


def test_a_picture_of_nothing_but_divergence(tmp_path: Path) -> None:
    draw_races(races("beale", "rosenbrock", "cubic", lr=700.0), 40, tmp_path / "picture.png")
    assert share_of(LOOK["Adam"].colour, read(tmp_path / "picture.png")) > 5e-5  # on top of the others


def test_the_gif_follows_the_race(tmp_path: Path) -> None:
    path = tmp_path / "race.gif"
    seen: list[None] = []
    animate(races("ill-conditioned", "x-cos"), 40, path, frames=8, after_frame=lambda: seen.append(None))
    assert path.stat().st_size < 100_000
    with Image.open(path) as image:
        assert image.n_frames == len(frame_steps(40, 8)) == len(seen) == 8
        assert image.info["loop"] == 0
        ink = []
        for frame in range(image.n_frames):
            image.seek(frame)
            assert image.info["duration"] == (2000 if frame == 7 else 80)
            ink.append(share_of(LOOK["Momentum"].colour, np.asarray(image.convert("RGB"))))
    assert ink[0] < ink[2] < ink[4] < ink[7]


def test_steps_of_frames() -> None:
    assert frame_steps(500, 6) == [0, 20, 80, 180, 320, 500]
    assert frame_steps(3, 70) == [0, 1, 2, 3]
    assert frame_steps(500, 70)[:5] == [0, 1, 2, 3, 4]


def test_the_page_of_an_animation(tmp_path: Path) -> None:
    path = tmp_path / "race.html"
    animate(races("x-cos"), 40, path, frames=3)
    text = path.read_text()
    assert text.count("data:image/jpeg;base64") == 3
    assert text.count('type="range"') == 1


@pytest.mark.skipif(not can_write_mp4(), reason="ffmpeg is not installed")
def test_the_mp4(tmp_path: Path) -> None:
    path = tmp_path / "race.mp4"
    animate(races("x-cos"), 40, path, frames=3)
    assert path.read_bytes()[4:8] == b"ftyp"


@pytest.mark.parametrize("name", SURFACES)
def test_heights_rise_from_the_lowest_minimum(name: str) -> None:
    surface = SURFACES[name]
    across, up, heights = relief(surface, 30, resolution=61)
    assert heights.shape == (61, 61)
    assert ((across[0], across[-1]), (up[0], up[-1])) == ranges(surface, 30)
    column, row = 20, 37
    point = np.array([across[column], up[row]])[-surface.size :]
    bottom = surface.value(np.array(surface.lowest[0])) if surface.minima else 0
    assert 0.2 * np.sinh(heights[row, column]) + bottom == pytest.approx(surface.value(point))
    assert (heights.min() >= 0) == bool(surface.minima)


def test_with_one_parameter_the_steps_go_across() -> None:
    assert drawn(np.array([[0.5], [0.25], [0.125]])).tolist() == [[0, 0.5], [1, 0.25], [2, 0.125]]
    assert drawn(np.array([[0.5, 1.0], [0.25, 2.0]])).tolist() == [[0.5, 1.0], [0.25, 2.0]]
    assert mark((0.7,)) == (0.0, 0.7)
    assert mark((0.7, 0.8)) == (0.7, 0.8)
    assert ranges(SURFACES["cubic"], 9) == ((0.0, 9.0), (-2.0, 2.0))
