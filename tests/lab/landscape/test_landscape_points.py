"""Is a network the same after it was a point, and untouched by what is measured?"""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sklearn")

from onepass.lab.data.examples import Examples
from onepass.lab.landscape.points import Probe, flatten
from onepass.lab.network import Network

SIZES = (6, 5, 4, 3)


def test_a_point_is_all_parameters_in_order() -> None:
    params = Network(SIZES, seed=1).params
    point = flatten(params.values())
    assert point.dtype == np.float64
    assert point.size == 6 * 5 + 5 + 5 * 4 + 4 + 4 * 3 + 3
    assert np.array_equal(point[:30].reshape(6, 5), params["fc1.weight"])
    assert np.array_equal(point[-15:-3].reshape(4, 3), params["fc3.weight"])


def test_the_network_at_a_point_has_its_parameters_and_loss(rng: np.random.Generator) -> None:
    network = Network(SIZES, seed=1)
    for param in network.params.values():
        param += rng.standard_normal(param.shape).astype(np.float32)
    batch = Examples(rng.standard_normal((20, 6)).astype(np.float32), rng.integers(0, 3, 20))
    seen = Probe(SIZES).at(flatten(network.params.values()))
    for name, param in network.params.items():
        assert np.array_equal(seen.params[name], param)
        assert seen.params[name].dtype == np.float32
    assert seen.loss(batch) == network.loss(batch)


def test_measuring_leaves_point_and_network_as_they_are() -> None:
    network = Network(SIZES, seed=2)
    point = flatten(network.params.values())
    before = point.copy()
    probe = Probe(SIZES)
    changed = probe.at(point + 1)
    changed.params["fc1.bias"] += 7
    assert np.array_equal(point, before)
    assert np.array_equal(flatten(network.params.values()), before)
    assert np.array_equal(flatten(probe.at(point).params.values()), before)
