"""Is MNIST taken from OpenML as it is from its files, and are the ways out named where there is no network?"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from urllib.error import URLError

import numpy as np
import pytest

pytest.importorskip("sklearn")

from onepass.lab.data import openml
from onepass.lab.data.openml import openml_mnist


def test_split_and_scaled_as_the_files_are(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[dict[str, Any]] = []
    labels = np.arange(70_000) % 10
    pixels = np.zeros((70_000, 3), np.int64)
    pixels[:, 0] = 255
    pixels[:, 1] = labels

    def fetch(name: str, **options: Any) -> SimpleNamespace:
        calls.append({"name": name, **options})
        return SimpleNamespace(data=pixels, target=labels.astype(str).astype(object))  # OpenML's labels are words

    monkeypatch.setattr(openml, "fetch_openml", fetch)
    data = openml_mnist()
    assert str(data) == "MNIST (60000 to train on, 10000 to test)"
    assert [(call["name"], call["version"], call["as_frame"]) for call in calls] == [("mnist_784", 1, False)]
    for part, first in ((data.train, 0), (data.test, 60_000)):
        assert part.inputs.dtype == np.float32
        assert part.labels.dtype == np.int64
        assert np.array_equal(part.labels, labels[first : first + len(part)])
        assert (part.inputs[:, 0] == 1).all()
        np.testing.assert_array_equal(part.inputs[:, 1], (part.labels / 255).astype(np.float32))


@pytest.mark.parametrize(
    "error",
    [
        URLError("Name or service not known"),
        ValueError("md5 checksum of local file\ndoes not match description"),
        ConnectionResetError(),
    ],
)
def test_without_a_network_the_ways_out_are_named(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any, **options: Any) -> None:
        raise error

    monkeypatch.setattr(openml, "fetch_openml", fail)
    reason = " ".join(str(error).split()) or type(error).__name__
    with pytest.raises(OSError, match="^MNIST: ") as raised:
        openml_mnist("stay at home")
    assert str(raised.value) == (
        f"MNIST: OpenML cannot be loaded from ({reason}); try again where there is a network, or name the folder of "
        "its files with --data-dir DIR or the environment variable ONEPASS_DATA, or stay at home"
    )
