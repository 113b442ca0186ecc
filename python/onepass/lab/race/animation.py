"""How does a race move? As a GIF, an MP4 or matplotlib's page with buttons; all three show the same frames."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from matplotlib.animation import AbstractMovieWriter, FFMpegWriter, FuncAnimation, HTMLWriter, PillowWriter
from matplotlib.artist import Artist
from PIL import Image

from onepass.lab.race.pictures import Races, new_panels

KINDS = ("gif", "mp4", "html", "none")
_FRAMES_PER_SECOND = 12
_REST = 2.0
_DOTS_PER_INCH = 75


def can_write_mp4() -> bool:
    """Whether ffmpeg is there."""
    return FFMpegWriter.isAvailable()


def frame_steps(steps: int, frames: int) -> list[int]:
    """The step that each frame shows: single steps at first, where most happens, and larger ones later."""
    return sorted({round(steps * share * share) for share in np.linspace(0, 1, frames)})


def animate(
    races: Races, steps: int, path: Path, *, frames: int, after_frame: Callable[[], None] = lambda: None
) -> None:
    """Write the animation; what kind of file it is, its ending says.

    Args:
        after_frame: called after each frame, of which there are as many as `frame_steps` gives.
    """
    figure, grid, panels = new_panels(races, steps, panel_inches=2.6)
    figure.set_dpi(_DOTS_PER_INCH)
    for axes, runs in zip(grid, races, strict=True):
        axes.set_title(runs[0].surface.title, fontsize=10)
        axes.tick_params(left=False, bottom=False, labelleft=False, labelbottom=False)
    title = figure.suptitle(f"step {steps}", fontsize=12)
    for panel in panels:
        panel.show(0)
    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # the layout is found once, not for every frame

    def show(step: int) -> Iterable[Artist]:
        title.set_text(f"step {step}")
        return [title, *(artist for panel in panels for artist in panel.show(step))]

    animation = FuncAnimation(figure, show, frame_steps(steps, frames), init_func=lambda: ())
    animation.save(path, _writer(path), dpi=_DOTS_PER_INCH, progress_callback=lambda frame, total: after_frame())


def _writer(path: Path) -> AbstractMovieWriter:
    if path.suffix == ".gif":
        return _GifWriter(_FRAMES_PER_SECOND)
    if path.suffix == ".mp4":
        return FFMpegWriter(_FRAMES_PER_SECOND)
    writer = HTMLWriter(_FRAMES_PER_SECOND, embed_frames=True)
    writer.frame_format = "jpeg"  # a third of PNG's size
    return writer


class _GifWriter(PillowWriter):
    """The frames in the colours of the last one: what does not move has the same pixels in each, and is stored once."""

    _frames: list[Image.Image]  # PillowWriter's

    def finish(self) -> None:
        no = Image.Dither.NONE
        # One of the 256 is left for the pixels of a GIF that stay as they are.
        palette = self._frames[-1].quantize(255, Image.Quantize.MAXCOVERAGE, kmeans=3, dither=no)
        first, *others = (frame.quantize(palette=palette, dither=no) for frame in self._frames)
        durations = [round(1000 / self.fps)] * len(others) + [round(1000 * _REST)]
        first.save(self.outfile, save_all=True, append_images=others, duration=durations, loop=0)
