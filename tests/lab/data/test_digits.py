"""Is the data split the same way every time, and into parts that share nothing?"""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sklearn")

from onepass.lab.data.digits import digits


def test_the_split_is_deterministic() -> None:
    first, again, other = digits(0), digits(0), digits(1)
    assert np.array_equal(first.train.inputs, again.train.inputs)
    assert np.array_equal(first.test.labels, again.test.labels)
    assert not np.array_equal(first.test.labels, other.test.labels)


def test_every_image_is_in_one_part() -> None:
    data = digits()
    assert (len(data.train), len(data.test)) == (1348, 449)
    images = np.concatenate([data.train.inputs, data.test.inputs])
    assert len(np.unique(images, axis=0)) == len(images) == 1797


def test_inputs_are_scaled_float32() -> None:
    data = digits()
    assert data.train.inputs.dtype == data.test.inputs.dtype == np.float32
    assert (data.train.inputs.min(), data.train.inputs.max()) == (0, 1)
    assert set(data.test.labels) == set(range(data.classes))
    assert data.features == 64
