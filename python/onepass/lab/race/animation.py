"""How does a race move? As a GIF, an MP4 or a page with buttons; all three show the same frames."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from matplotlib import rc_context
from matplotlib.animation import FFMpegWriter, FuncAnimation
from matplotlib.artist import Artist

from onepass.lab.race.few_colours import GifWriter
from onepass.lab.race.pictures import Races, new_panels

KINDS = ("gif", "mp4", "html", "none")
_FRAMES_PER_SECOND = 12
_REST = 2.0
_DOTS_PER_INCH = 75


#: By their names in the font that matplotlib's player takes from the network, signs that every browser has.
_SIGNS = {
    "minus": "-",
    "fast-backward": "|◀◀",
    "step-backward": "|◀",
    "play fa-flip-horizontal": "◀",
    "pause": "❙❙",
    "play": "▶",
    "step-forward": "▶|",
    "fast-forward": "▶▶|",
    "plus": "+",
}


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
    if path.suffix == ".html":
        with rc_context({"animation.frame_format": "jpeg"}):  # a third of PNG's size
            player = animation.to_jshtml(fps=_FRAMES_PER_SECOND)
        head = '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>onepass race</title></head>'
        path.write_text(f"{head}<body>{_without_network(player)}</body></html>\n", encoding="utf-8")
        return
    mp4 = path.suffix == ".mp4"
    writer = FFMpegWriter(_FRAMES_PER_SECOND) if mp4 else GifWriter(_FRAMES_PER_SECOND, _REST)
    animation.save(path, writer, dpi=_DOTS_PER_INCH, progress_callback=lambda frame, total: after_frame())


def _without_network(player: str) -> str:
    """The player with signs in the place of a font."""
    player = re.sub(r'<link rel="stylesheet"\s+href="[^"]*">', "", player)
    return re.sub(r'<i class="fa fa-([^"]*)"></i>', lambda icon: _SIGNS[icon[1]], player)
