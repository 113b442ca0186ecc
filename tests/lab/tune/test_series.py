"""Is the series the one of the equation, cut in time, and are simple forecasts what they say?"""

from __future__ import annotations

import numpy as np
import pytest

from onepass.lab.tune import series
from onepass.lab.tune.rivals import cycle, rivals
from onepass.lab.tune.series import NOISE, mackey_glass
from onepass.lab.tune.windows import WINDOW, Windows, split


def test_the_same_seed_gives_the_same_series() -> None:
    assert np.array_equal(mackey_glass(50, seed=1), mackey_glass(50, seed=1))
    assert not np.allclose(mackey_glass(50, seed=1), mackey_glass(50, seed=2))
    values = mackey_glass(400)
    assert values.shape == (400,)
    assert 0.3 < values.min() < values.max() < 1.5
    assert 0.15 < values.std() < 0.3


def test_the_noise_is_as_large_as_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    noisy = mackey_glass(1000)
    monkeypatch.setattr(series, "NOISE", 0.0)
    assert np.std(noisy - mackey_glass(1000)) == pytest.approx(NOISE, rel=0.1)


def test_the_integration_is_of_fourth_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a delayed value of 0 all along, the equation is x' = -0.1 x."""
    errors = []
    for step in (0.5, 1.0):
        monkeypatch.setattr(series, "STEP", step)
        x = 1.0
        for _ in range(round(10 / step)):
            x = series._advance(x, 0.0, 0.0)
        errors.append(abs(x - np.exp(-1)))
    assert errors[0] < 1e-7
    assert errors[1] / errors[0] == pytest.approx(16, rel=0.1)


def test_the_fixed_point_stays() -> None:
    """0.2 x / (1 + x^10) = 0.1 x at x = 1, and the slope there is 0."""
    assert series._slope(1.0, 1.0) == 0
    assert series._slope(0.5, 1.2) == pytest.approx(0.2 * 1.2 / (1 + 1.2**10) - 0.05, rel=1e-14)


def test_the_parts_follow_each_other_and_share_no_target() -> None:
    values = np.arange(100.0)
    data = split(values)
    assert (data.mean, data.deviation) == (29.5, pytest.approx(values[:60].std()))
    parts = (data.train, data.validation, data.test)
    targets = [data.unscaled(part.targets) for part in parts]
    np.testing.assert_allclose(np.concatenate(targets), values[WINDOW:], rtol=1e-5)
    assert [len(part) for part in parts] == [60 - WINDOW, 20, 20]
    for part, target in zip(parts, targets, strict=True):
        assert part.inputs.shape == (len(part), WINDOW)
        assert part.inputs.dtype == np.float32
        np.testing.assert_allclose(data.unscaled(part.inputs[:, -1]), target - 1, atol=1e-4)


def test_errors_are_in_units_of_the_series() -> None:
    data = split(5 + 3 * np.sin(np.arange(100.0)))
    assert data.rmse(data.test.targets, data.test) == 0
    assert data.rmse(data.test.targets + np.float32(2), data.test) == pytest.approx(2 * data.deviation, rel=1e-6)


def periodic(period: int) -> Windows:
    rows = np.lib.stride_tricks.sliding_window_view(np.resize(np.random.default_rng(1).normal(size=period), 200), 13)
    return Windows(rows[:, :-1], rows[:, -1])


def test_simple_forecasts() -> None:
    data = periodic(7)
    assert cycle(data) == 7
    last, seasonal, linear = rivals(data).values()
    assert list(rivals(data)) == ["the last value", "the value 7 steps ago", "linear autoregression"]
    np.testing.assert_array_equal(last(data.inputs), data.inputs[:, -1])
    np.testing.assert_array_equal(seasonal(data.inputs), data.targets)
    np.testing.assert_allclose(linear(data.inputs), data.targets, atol=1e-12)


@pytest.mark.parametrize("period", [2, 5, 12])
def test_the_cycle_is_found(period: int) -> None:
    assert cycle(periodic(period)) == period
