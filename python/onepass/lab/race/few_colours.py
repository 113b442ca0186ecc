"""How do pictures stay small? In 255 colours: lines on pale areas need no more."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.animation import AbstractMovieWriter
from matplotlib.figure import Figure
from PIL import Image

from onepass.arrays import Array

#: The most frequent colours, which are those of the areas.
_AREAS = 64


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
    palette = _Palette(images[-1])
    return [palette.reduce(image) for image in images]


class _Palette:
    """The colours of an image's areas as they are, and of the many shades of its lines an octree's choice."""

    def __init__(self, image: Image.Image) -> None:
        packed, counts = np.unique(_packed(image), return_counts=True)
        areas = _unpacked(packed[np.argsort(counts)[-_AREAS:]])
        # One of the 256 is left free for the pixels of a GIF that stay as they are.
        chosen: Any = image.quantize(255 - len(areas), method=Image.Quantize.FASTOCTREE).getpalette()
        self._colours = np.concatenate([areas, np.array(chosen).reshape(-1, 3)])
        self._nearest = np.full(1 << 24, -1, np.int16)  # found when a colour is met first

    def reduce(self, image: Image.Image) -> Image.Image:
        """Each pixel in the colour that is nearest to it; Pillow itself takes one that is about as near."""
        packed = _packed(image)
        fresh = np.unique(packed[self._nearest[packed] < 0])
        distances = ((_unpacked(fresh)[:, np.newaxis] - self._colours) ** 2).sum(axis=-1)
        self._nearest[fresh] = distances.argmin(axis=1)
        pixels = self._nearest[packed].astype(np.uint8).reshape(image.height, image.width)
        reduced = Image.fromarray(pixels, "P")
        reduced.putpalette(self._colours.astype(np.uint8).reshape(-1).tolist())
        return reduced


def _packed(image: Image.Image) -> Array:
    """A number for each pixel's colour, (pixels,)."""
    red, green, blue = np.asarray(image, np.int32).reshape(-1, 3).T
    packed: Array = red << 16 | green << 8 | blue
    return packed


def _unpacked(packed: Array) -> Array:
    """The colours that have these numbers, (colours, 3)."""
    return np.stack([packed >> 16, packed >> 8 & 255, packed & 255], axis=-1)
