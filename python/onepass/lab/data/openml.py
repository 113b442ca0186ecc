"""Where is MNIST if no folder has it? At OpenML, if there is a network; scikit-learn keeps what it has loaded."""

from __future__ import annotations

import warnings
from http.client import HTTPException

import numpy as np
from sklearn.datasets import fetch_openml  # type: ignore[import-untyped]

from onepass.lab.data.examples import Dataset, Examples
from onepass.lab.data.folder import VARIABLE
from onepass.lab.data.mnist import CLASSES

TRAIN = 60_000


def openml_mnist(way_out: str = "") -> Dataset:
    """The same 70,000 digits, in the same order, from OpenML's ``mnist_784`` or scikit-learn's cache of it.

    Args:
        way_out: what to do without a network, for the message.

    Raises:
        OSError: OpenML does not answer, or not with MNIST; the message names the ways out.
    """
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "A network error occurred")  # of each try; the error tells it once
            # The reader is named because the other one needs pandas.
            bunch = fetch_openml("mnist_784", version=1, as_frame=False, parser="liac-arff")
    except (OSError, HTTPException, ValueError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise OSError(
            f"MNIST: OpenML cannot be loaded from ({reason}); try again where there is a network, or name the folder "
            f"of its files with --data-dir DIR or the environment variable {VARIABLE}"
            + (f", or {way_out}" if way_out else "")
        ) from error
    examples = Examples((bunch.data / 255).astype(np.float32), bunch.target.astype(np.int64))
    train, test = np.split(np.arange(len(examples)), [TRAIN])
    return Dataset("MNIST", examples.take(train), examples.take(test), CLASSES)
