"""Where is MNIST? In a folder that the user names; the package does not come with it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from onepass.lab.data.examples import Dataset, Examples
from onepass.lab.data.folder import find_files
from onepass.lab.data.idx import BadIDXFile, read_idx

PARTS = ("train", "t10k")
CLASSES = 10


DIGITS = "take the digits that come along: --data digits"


def mnist(folder: Path | None = None, way_out: str = DIGITS) -> Dataset:
    """The 70,000 handwritten digits of MNIST, or what else is in its four files: pixels in [0, 1], 10 classes.

    Args:
        folder: holds the files, gzipped or not, or has a subfolder ``mnist`` that does; None: what the environment
            variable ONEPASS_DATA names.
        way_out: what to do without them, for the message.

    Raises:
        FileNotFoundError: they are not there; the message says which, and the ways out.
        BadIDXFile: a file is damaged, or does not belong to the others.
    """
    images, labels = _names("images-idx3-ubyte"), _names("labels-idx1-ubyte")
    files = find_files("MNIST", "mnist", (*images, *labels), folder, way_out)
    train, test = (_examples(files[image], files[label]) for image, label in zip(images, labels, strict=True))
    if train.inputs.shape[1] != test.inputs.shape[1]:
        raise BadIDXFile(f"{files[images[1]]}: its images are not as large as those of {files[images[0]]}")
    return Dataset("MNIST", train, test, CLASSES)


def _names(kind: str) -> tuple[str, ...]:
    return tuple(f"{part}-{kind}" for part in PARTS)


def _examples(images: Path, labels: Path) -> Examples:
    pixels, classes = read_idx(images, 3), read_idx(labels, 1)
    if len(pixels) != len(classes) or not pixels.size:
        raise BadIDXFile(f"{images}: holds {len(pixels)} images, and {labels} {len(classes)} labels")
    if classes.max() >= CLASSES:
        raise BadIDXFile(f"{labels}: a label is {classes.max()}, the last class is {CLASSES - 1}")
    return Examples(pixels.reshape(len(pixels), -1) / np.float32(255), classes.astype(np.int64))
