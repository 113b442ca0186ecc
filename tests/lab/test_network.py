"""Are the network's gradients those of its loss, and its start what it says?"""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sklearn")

from onepass.lab.data.examples import Examples
from onepass.lab.network import Network


def examples(rng: np.random.Generator, count: int, features: int, classes: int) -> Examples:
    return Examples(rng.standard_normal((count, features)), rng.integers(0, classes, count))


@pytest.mark.parametrize("sizes", [(5, 3), (5, 4, 3), (5, 6, 4, 3)])
def test_gradients_are_the_numerical_derivatives(sizes: tuple[int, ...], rng: np.random.Generator) -> None:
    network = Network(sizes, seed=3, dtype=np.float64)
    for name, param in network.params.items():
        if name.endswith("bias"):
            param[:] = rng.standard_normal(param.shape)
    batch = examples(rng, 7, sizes[0], sizes[-1])
    gradients = network.gradients(batch)
    assert gradients.keys() == network.params.keys()
    half_width = 1e-6
    for name, param in network.params.items():
        numerical = np.empty_like(param)
        for index in np.ndindex(param.shape):
            value = param[index]
            param[index] = value + half_width
            above = network.loss(batch)
            param[index] = value - half_width
            below = network.loss(batch)
            param[index] = value
            numerical[index] = (above - below) / (2 * half_width)
        assert np.abs(numerical).max() > 1e-3
        np.testing.assert_allclose(gradients[name], numerical, rtol=1e-6, atol=1e-8, err_msg=name)


def test_everything_is_float32_and_named() -> None:
    network = Network((64, 50, 10))
    shapes = {name: param.shape for name, param in network.params.items()}
    assert shapes == {"fc1.weight": (64, 50), "fc1.bias": (50,), "fc2.weight": (50, 10), "fc2.bias": (10,)}
    batch = Examples(np.ones((4, 64), np.float32), np.arange(4))
    for name, gradient in network.gradients(batch).items():
        assert gradient.dtype == network.params[name].dtype == np.float32
        assert gradient.shape == shapes[name]


def test_he_initialisation() -> None:
    network = Network((1000, 500, 10), seed=1)
    assert network.params["fc1.weight"].std() == pytest.approx((2 / 1000) ** 0.5, rel=0.01)
    assert network.params["fc2.weight"].std() == pytest.approx((2 / 500) ** 0.5, rel=0.05)
    assert not network.params["fc1.bias"].any()


def test_xavier_initialisation() -> None:
    weight = Network((1000, 500, 10), seed=1, init="xavier").params["fc1.weight"]
    bound = (6 / 1500) ** 0.5
    assert 0.999 * bound < np.abs(weight).max() <= bound * (1 + 1e-7)
    assert weight.std() == pytest.approx((2 / 1500) ** 0.5, rel=0.01)  # eq. 12 of the paper
    assert weight.mean() == pytest.approx(0, abs=bound / 100)


def test_the_loss_comes_with_the_gradients(rng: np.random.Generator) -> None:
    network, batch = Network((5, 4, 3)), examples(rng, 7, 5, 3)
    loss, gradients = network.loss_and_gradients(batch)
    assert loss == network.loss(batch)
    assert gradients.keys() == network.params.keys()


def test_the_seed_decides_the_start() -> None:
    first, again, other = (Network((64, 50, 10), seed).params["fc1.weight"] for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_large_logits_do_not_overflow() -> None:
    network = Network((2, 2))
    network.params["fc1.weight"][...] = [[1e4, -1e4], [0, 0]]
    batch = Examples(np.array([[1, 0], [1, 0]], np.float32), np.array([0, 1]))
    assert network.loss(batch) == pytest.approx(1e4)  # (0 + 2e4) / 2
    assert network.accuracy(batch) == 0.5
    assert np.isfinite(network.gradients(batch)["fc1.weight"]).all()
