"""How do pictures stay small? In 255 colours: lines on pale areas need no more."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.animation import AbstractMovieWriter
from matplotlib.figure import Figure
from PIL import Image


def save_png(figure: Figure, path: Path) -> None:
    """Write a picture of the figure, about a third as large as one of all colours."""
    (image,) = _reduced([_pixels(figure)])
    image.save(path, optimize=True)


class GifWriter(AbstractMovieWriter):
    """Writes frames that share one palette: what does not move has the same pixels in each, and is stored once.

    Args:
        fps: frames per second.
        rest: seconds for which the last frame stays.
    """

    def __init__(self, fps: int, rest: float) -> None:
        super().__init__(fps=fps)
        self._rest = rest
        self._frames: list[Image.Image] = []

    @classmethod
    def isAvailable(cls) -> bool:
        return True

    def setup(self, fig: Figure, outfile: Any, dpi: float | None = None) -> None:
        super().setup(fig, outfile, dpi=dpi)
        self._frames = []

    def grab_frame(self, **savefig_kwargs: Any) -> None:
        self._frames.append(_pixels(self.fig))

    def finish(self) -> None:
        first, *others = _reduced(self._frames)
        durations = [round(1000 / self.fps)] * len(others) + [round(1000 * self._rest)]
        first.save(self.outfile, save_all=True, append_images=others, duration=durations, loop=0)


def _pixels(figure: Figure) -> Image.Image:
    canvas: Any = figure.canvas  # matplotlib's annotations lack its buffer
    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")


def _reduced(images: Sequence[Image.Image]) -> list[Image.Image]:
    """The images in the colours that suit the last one."""
    # An octree keeps rare colours, those of the lines, but shades the frequent ones: the background is white again.
    # One of the 256 is left free for the pixels of a GIF that stay as they are.
    found = images[-1].quantize(255, method=Image.Quantize.FASTOCTREE)
    colours: Any = found.getpalette()
    background: Any = found.getpixel((0, 0))
    colours[3 * background : 3 * background + 3] = 255, 255, 255
    palette = Image.new("P", (1, 1))
    palette.putpalette(colours)
    return [image.quantize(palette=palette, dither=Image.Dither.NONE) for image in images]
