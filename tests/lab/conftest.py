"""What do tests of the lab share? The data that the package does not bring, and a browser; they skip without."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from browser import browser as browser
from shared_data import folder_with


@pytest.fixture
def unpainted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures are composed and one pixel is painted, which takes a tenth of the time: where numbers or words count."""
    figure, image = pytest.importorskip("matplotlib.figure"), pytest.importorskip("matplotlib.image")
    pixel = np.zeros((1, 1, 3))
    monkeypatch.setattr(figure.Figure, "savefig", lambda self, file, **_: image.imsave(file, pixel, format="png"))


@pytest.fixture(scope="session")
def mnist_folder() -> Path:
    """Holds the files of MNIST, or has a subfolder that does."""
    return folder_with("t10k-images-idx3-ubyte", "mnist")
