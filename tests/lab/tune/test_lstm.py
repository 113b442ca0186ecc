"""Are the LSTM's gradients those of its loss, and does dropout leave out what it says?"""

from __future__ import annotations

import numpy as np
import pytest

from onepass.lab.tune.layer import forward
from onepass.lab.tune.lstm import LSTM

RNG = np.random.default_rng(0)
WINDOWS, TARGETS = RNG.normal(size=(4, 6)), RNG.normal(size=4)


@pytest.mark.parametrize("dropout", [0.0, 0.4])
@pytest.mark.parametrize("layers", [1, 2, 3])
def test_gradients_are_those_of_central_differences(layers: int, dropout: float) -> None:
    network = LSTM(3, layers, dropout, seed=1, dtype=np.float64)

    def loss() -> float:
        return network.loss(WINDOWS, TARGETS, np.random.default_rng(5))  # the same is left out each time

    gradients = network.gradients(WINDOWS, TARGETS, np.random.default_rng(5))
    assert list(gradients) == list(network.params)
    for name, param in network.params.items():
        differences = np.zeros_like(param)
        for index in np.ndindex(param.shape):
            kept = param[index]
            param[index] = kept + 1e-5
            above = loss()
            param[index] = kept - 1e-5
            differences[index] = (above - loss()) / 2e-5
            param[index] = kept
        np.testing.assert_allclose(gradients[name], differences, rtol=1e-6, atol=1e-9, err_msg=name)


def test_one_unit_by_hand() -> None:
    weight = np.array([[0.5, -0.3, 0.8, 1.1], [0.2, 0.4, -0.6, 0.7]])
    bias = np.array([0.1, 1.0, -0.2, 0.3])
    inputs = np.array([0.9, -1.4, 0.3])
    h = c = 0.0
    states = []
    for x in inputs:
        z = x * weight[0] + h * weight[1] + bias
        i, f, o = 1 / (1 + np.exp(-z[:3]))
        c = f * c + i * np.tanh(z[3])
        h = o * np.tanh(c)
        states.append(h)
    trace = forward(inputs[:, None, None], weight, bias)
    np.testing.assert_allclose(trace.hidden[1:, 0, 0], states, rtol=1e-14)


def test_each_window_is_forecast_by_itself() -> None:
    network = LSTM(5, 2, 0.3, dtype=np.float64)
    together = network.forecast(WINDOWS)
    assert together.shape == (4,)
    np.testing.assert_allclose(together, [network.forecast(window[None])[0] for window in WINDOWS], rtol=1e-12)


def test_the_start_depends_on_the_seed_and_forgets_nothing() -> None:
    first, same, other = LSTM(4, 2, seed=1), LSTM(4, 2, seed=1), LSTM(4, 2, seed=2)
    shapes = {"lstm1.weight": (5, 16), "lstm1.bias": (16,), "lstm2.weight": (8, 16), "lstm2.bias": (16,)}
    assert {name: param.shape for name, param in first.params.items()} == {
        **shapes,
        "out.weight": (4, 1),
        "out.bias": (1,),
    }
    for name, param in first.params.items():
        assert param.dtype == np.float32
        assert np.array_equal(param, same.params[name])
    assert not np.array_equal(first.params["lstm1.weight"], other.params["lstm1.weight"])
    assert first.params["lstm2.bias"].tolist() == [0] * 4 + [1] * 4 + [0] * 8


def test_dropout_keeps_the_mean_and_leaves_out_its_share() -> None:
    """A network whose output is the sum of equal hidden states: the output says how many were kept."""
    units, dropout = 200, 0.25
    network = LSTM(units, 1, dropout, dtype=np.float64)
    for name in ("lstm1.weight", "lstm1.bias"):
        network.params[name][...] = 1
    network.params["out.weight"][...] = 1
    windows = np.zeros((5000, 3))
    (full,) = set(network.forecast(windows).round(12))
    rng = np.random.default_rng(0)
    # With targets of 0 the loss is the mean square of the outputs, each full * (units kept) / (0.75 * 200).
    mean_square = network.loss(windows, np.zeros(5000), rng)
    variance = dropout / (1 - dropout) / units  # of the output, relative to the square of full
    assert mean_square == pytest.approx(full**2 * (1 + variance), rel=5e-3)
    spread = network.loss(windows, np.full(5000, full), rng)
    assert spread == pytest.approx(full**2 * variance, rel=0.1)
    assert network.loss(windows, np.full(5000, full)) == pytest.approx(0, abs=1e-20)
