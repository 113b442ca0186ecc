"""Is MNIST found where it may be, refused when it does not fit together, and explained when it is not there?"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from idx_files import write_idx, write_small_mnist

pytest.importorskip("sklearn")

from onepass.lab.data.idx import BadIDXFile
from onepass.lab.data.mnist import mnist


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("subfolder", ["", "mnist"])
def test_found_by_folder_and_by_variable(
    suffix: str, subfolder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_small_mnist(tmp_path / subfolder, suffix)
    monkeypatch.setenv("ONEPASS_DATA", str(tmp_path / "elsewhere"))
    by_folder = mnist(tmp_path)
    monkeypatch.setenv("ONEPASS_DATA", str(tmp_path))
    for data in (by_folder, mnist()):
        assert str(data) == "MNIST (200 to train on, 50 to test)"
        assert (data.features, data.classes) == (64, 10)
        for part in (data.train, data.test):
            assert part.inputs.dtype == np.float32
            assert (part.inputs.min(), part.inputs.max()) == (0, 1)
            assert np.array_equal(part.inputs.argmax(axis=1), part.labels)


def test_files_of_both_kinds_mix(tmp_path: Path) -> None:
    write_small_mnist(tmp_path)
    write_small_mnist(tmp_path, ".gz")
    for name in ("train-images-idx3-ubyte", "t10k-labels-idx1-ubyte.gz"):
        (tmp_path / name).unlink()
    assert len(mnist(tmp_path).test) == 50


def test_what_is_missing_is_named_with_the_ways_out(tmp_path: Path) -> None:
    write_small_mnist(tmp_path / "mnist")
    (tmp_path / "mnist" / "t10k-images-idx3-ubyte").unlink()
    with pytest.raises(FileNotFoundError) as raised:
        mnist(tmp_path)
    assert str(raised.value) == (
        f"MNIST: there is no t10k-images-idx3-ubyte (as it is or as .gz) in {tmp_path} or {tmp_path / 'mnist'}; name "
        "the folder of its files with --data-dir DIR or the environment variable ONEPASS_DATA, or take the "
        "digits that come along: --data digits"
    )


def test_no_folder_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ONEPASS_DATA", raising=False)
    names = "train-images-idx3-ubyte, t10k-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-labels-idx1-ubyte"
    with pytest.raises(FileNotFoundError, match=rf"^MNIST: there is no {names} \(.*\) in the package; name the folder"):
        mnist()


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("t10k-images-idx3-ubyte", np.zeros((49, 8, 8)), "holds 49 images, and .*t10k-labels-idx1-ubyte 50 labels"),
        ("t10k-images-idx3-ubyte", np.zeros((50, 0, 8)), "holds 50 images"),
        ("t10k-images-idx3-ubyte", np.zeros((50, 8, 9)), "not as large as those of .*train-images-idx3-ubyte"),
        ("train-labels-idx1-ubyte", np.full(200, 10), "a label is 10, the last class is 9"),
        ("train-labels-idx1-ubyte", np.zeros((200, 1)), "starts with 00 00 08 01, not 00 00 08 02"),
    ],
)
def test_files_that_do_not_fit_together(name: str, array: np.ndarray, message: str, tmp_path: Path) -> None:
    write_small_mnist(tmp_path)
    write_idx(tmp_path / name, array)
    with pytest.raises(BadIDXFile, match=f"{re.escape(str(tmp_path / name))}: .*{message}"):
        mnist(tmp_path)


def test_the_real_files(mnist_folder: Path) -> None:
    data = mnist(mnist_folder)
    assert (len(data.train), len(data.test), data.features) == (60_000, 10_000, 784)
    assert (data.train.inputs.min(), data.train.inputs.max()) == (0, 1)
    assert list(data.train.labels[:5]) == [5, 0, 4, 1, 9]
    assert list(data.test.labels[:5]) == [7, 2, 1, 0, 4]
    assert np.bincount(data.train.labels).sum() == 60_000
    assert data.train.inputs.mean() == pytest.approx(0.1307, abs=1e-4)
