"""Has a random direction the norms of the weights, filter by filter?"""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sklearn")

from onepass.lab.landscape.directions import filter_normalised
from onepass.lab.landscape.points import Probe, flatten
from onepass.lab.network import Network

SIZES = (6, 5, 3)


def direction(params: dict[str, np.ndarray], seed: int = 0) -> dict[str, np.ndarray]:
    """By the names of the parameters."""
    point = filter_normalised(params, np.random.default_rng(seed))
    return Probe(SIZES).at(point).params


def test_every_filter_has_the_norm_of_the_weights() -> None:
    params = Network(SIZES, seed=4).params
    found = direction(params)
    for name in ("fc1.weight", "fc2.weight"):
        np.testing.assert_allclose(np.linalg.norm(found[name], axis=0), np.linalg.norm(params[name], axis=0), rtol=1e-6)
        assert not np.allclose(found[name], params[name])


def test_biases_are_zero_in_the_direction() -> None:
    params = Network(SIZES).params
    params["fc1.bias"][:] = 3
    found = direction(params)
    assert not found["fc1.bias"].any()
    assert not found["fc2.bias"].any()


def test_a_unit_that_gets_nothing_stays_so() -> None:
    params = Network(SIZES).params
    params["fc1.weight"][:, 2] = 0
    assert not direction(params)["fc1.weight"][:, 2].any()


def test_the_scale_of_a_filter_is_the_scale_of_the_direction() -> None:
    params = Network(SIZES).params
    before = direction(params)
    params["fc1.weight"][:, 1] *= 8
    after = direction(params)
    np.testing.assert_allclose(after["fc1.weight"][:, 1], 8 * before["fc1.weight"][:, 1], rtol=1e-6)
    np.testing.assert_array_equal(after["fc1.weight"][:, 0], before["fc1.weight"][:, 0])


def test_the_generator_decides() -> None:
    params = Network(SIZES).params
    first, again, other = (flatten(direction(params, seed).values()) for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.allclose(first, other)
