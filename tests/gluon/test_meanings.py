"""Do gluon's names mean what they mean in MXNet? Its own results, and numbers worked by hand."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from mxnet_traces import GRADIENTS, MXNET_1, MXNET_2, START

import onepass as op
from onepass.arrays import Array
from onepass.gluon.meanings import MEANINGS, STILL


def trained(name: str, keys: dict[str, Any], later_rate: float | None, dtype: Any = np.float32) -> Array:
    weights = np.array(START, dtype)
    trainer = op.Trainer(weights, name, keys)
    for step, gradient in enumerate(GRADIENTS):
        if step == 2 and later_rate is not None:
            trainer.set_learning_rate(later_rate)
        trainer.step(2, gradients=np.array(gradient, dtype))
    return weights


@pytest.mark.parametrize(("name", "keys", "later_rate", "end"), [*MXNET_1, *MXNET_2], ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_weights_are_those_of_mxnet(
    name: str, keys: dict[str, Any], later_rate: float | None, end: tuple[float, float, float], dtype: Any
) -> None:
    np.testing.assert_allclose(trained(name, keys, later_rate, dtype), end, rtol=2e-6)


def test_every_optimizer_has_a_trace_with_its_defaults_and_one_without() -> None:
    for name in MEANINGS:
        keys = [set(keys) for trace, keys, *_ in (*MXNET_1, *MXNET_2) if trace == name]
        assert min(map(len, keys)) <= 1
        assert max(map(len, keys)) >= 2


def test_dividing_by_the_size_of_the_batch_by_hand() -> None:
    """12 / 4 = 3, times 0.5 is 1.5; with rescale_grad 2 it is 3."""
    w = np.array([10.0])
    op.Trainer([w], "sgd", {"learning_rate": 0.5}).step(4, gradients=[np.array([12.0])])
    assert w == 8.5
    op.Trainer([w], "sgd", {"learning_rate": 0.5, "rescale_grad": 2.0}).step(4, gradients=[np.array([12.0])])
    assert w == 5.5


def test_clipping_acts_on_what_was_divided_and_before_the_decay_by_hand() -> None:
    """8 / 4 = 2 is clipped to 1; decay adds 0.5 * 10: w = 10 - 0.25 * (1 + 5)."""
    w = np.array([10.0])
    keys = {"learning_rate": 0.25, "clip_gradient": 1.0, "wd": 0.5}
    op.Trainer([w], "sgd", keys).step(4, gradients=[np.array([8.0])])
    assert w == 8.5


def test_the_learning_rate_is_in_the_velocity_by_hand() -> None:
    """v = -0.5, w = -0.5; v = -0.25 - 0.25, w = -1. With the rate outside it were 0.25 * 1.5 after 0.5."""
    w, g = np.zeros(1), np.ones(1)
    trainer = op.Trainer([w], "sgd", {"learning_rate": 0.5, "momentum": 0.5}, gradients=[g])
    trainer.step(1)
    trainer.set_learning_rate(0.25)
    trainer.step(1)
    assert w == -1.0
    outside = np.zeros(1)
    opt = op.Momentum([outside], lr=0.5, momentum=0.5)
    opt.step([g])
    opt.lr = 0.25
    opt.step([g])
    assert outside == -0.875


def test_nag_looks_ahead_by_hand() -> None:
    """v = -0.5, w = 0.5 * v - 0.5 * 1 = -0.75."""
    w = np.zeros(1)
    op.Trainer([w], "nag", {"learning_rate": 0.5, "momentum": 0.5}).step(1, gradients=[np.ones(1)])
    assert w == -0.75


def test_epsilon_of_adam_is_added_before_the_correction_by_hand() -> None:
    """m = 0.5, v = 0.75, rate = 1 * sqrt(0.75) / 0.5: w = -sqrt(0.75) / (sqrt(0.75) + 1)."""
    w = np.zeros(1)
    keys = {"learning_rate": 1.0, "beta1": 0.5, "beta2": 0.25, "epsilon": 1.0}
    op.Trainer([w], "adam", keys).step(1, gradients=[np.ones(1)])
    assert w[0] == pytest.approx(-np.sqrt(0.75) / (np.sqrt(0.75) + 1), rel=1e-15)


def test_eps_of_adagrad_is_in_the_root_and_epsilon_outside_by_hand() -> None:
    """1 / sqrt(1 + 3) = 1/2, and 1 / (1 + 3) = 1/4."""
    inside, outside = np.zeros(1), np.zeros(1)
    op.Trainer([inside], "adagrad", {"learning_rate": 1.0, "eps": 3.0}).step(1, gradients=[np.ones(1)])
    op.Trainer([outside], "adagrad", {"learning_rate": 1.0, "epsilon": 3.0}).step(1, gradients=[np.ones(1)])
    assert (inside[0], outside[0]) == (-0.5, -0.25)


@pytest.mark.parametrize("name", MEANINGS)
def test_a_weight_without_any_gradient_stays(name: str) -> None:
    w = np.ones(3, np.float32)
    trainer = op.Trainer(w, name, {"eps": 0.0} if name == "adagrad" else {})
    for _ in range(3):
        trainer.step(1, gradients=np.zeros(3, np.float32))
    assert np.array_equal(w, np.ones(3, np.float32))


@pytest.mark.parametrize("name", ["sgd", "nag"])
def test_at_a_rate_of_zero_the_velocity_goes_on(name: str) -> None:
    """v = -0.5, then -0.25; nag is ahead of it by half of the velocity."""
    w = np.ones(1, np.float32)
    trainer = op.Trainer([w], name, {"learning_rate": 0.5, "momentum": 0.5, "wd": 0.0})
    trainer.step(1, gradients=[np.ones(1, np.float32)])
    trainer.set_learning_rate(0)
    trainer.step(1, gradients=[np.ones(1, np.float32)])
    assert w[0] == (0.25 if name == "sgd" else 0.125)
    assert w.dtype.type(1) + w.dtype.type(STILL) == 1


def test_the_default_learning_rates() -> None:
    rates = {name: op.Trainer(np.ones(1), name.upper()).learning_rate for name in MEANINGS}
    gluons = {"sgd": 0.01, "nag": 0.01, "adagrad": 0.01, "rmsprop": 0.001, "adam": 0.001, "adamax": 0.002}
    assert rates == {**gluons, "nadam": 0.001, "adamw": 0.001, "adadelta": 1.0}


def test_multipliers_belong_to_groups_by_hand() -> None:
    """1 - 0.5 * 2 * (1 + 0.5 * 1) = -0.5; 1 - 0.5 * 1 * (1 + 0) = 0.5; 1 - 0.5 * (1 + 0.5) = 0.25."""
    a, b, c = np.ones(1), np.ones(1), np.ones(1)
    groups = [{"params": [a], "lr_mult": 2.0}, {"params": [b], "wd_mult": 0.0}, {"params": [c]}]
    trainer = op.Trainer(groups, "sgd", {"learning_rate": 0.5, "wd": 0.5})
    trainer.step(1, gradients=[np.ones(1)] * 3)
    assert (a[0], b[0], c[0]) == (-0.5, 0.5, 0.25)
    assert trainer.learning_rate == 0.5


@pytest.mark.parametrize("name", [name for name in MEANINGS if name != "adadelta"])
def test_multipliers_mean_the_same_everywhere(name: str) -> None:
    decay = 0.0 if name == "adagrad" else 0.5
    weights = [np.full(3, 2.0) for _ in range(2)]
    keys = {"learning_rate": 0.25, "wd": decay}
    trainers = [
        op.Trainer([{"params": [weights[0]], "lr_mult": 0.5, "wd_mult": 0.25}], name, keys),
        op.Trainer([weights[1]], name, {"learning_rate": 0.125, "wd": decay / 4}),
    ]
    for gradient in GRADIENTS:
        for trainer in trainers:
            trainer.step(2, gradients=[np.array(gradient)])
    np.testing.assert_allclose(*weights, rtol=1e-14)


def test_the_later_names_of_mxnet_are_those_of_fields() -> None:
    for meaning in MEANINGS.values():
        names = {field.name for field in fields(meaning)}
        assert set(meaning.later_names.values()) <= names
        assert not set(meaning.later_names) & names
