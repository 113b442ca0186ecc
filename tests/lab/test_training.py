"""Does every optimizer get a run, learn the digits, and end with the bits of its NumPy twin?"""

from __future__ import annotations

import inspect
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("sklearn")

import onepass as op
from onepass import optimizers
from onepass.lab import settings
from onepass.lab.data import Dataset, digits
from onepass.lab.network import Network
from onepass.lab.settings import BATCH_SIZE, EPOCHS, HIDDEN, TUNED, Setting, all_optimizers, setting
from onepass.lab.training import train
from onepass.lab.twin import NumPyTwin


@pytest.fixture(scope="module")
def data() -> Dataset:
    return digits()


@pytest.mark.parametrize("name", all_optimizers())
def test_reaches_95_percent(name: str, data: Dataset) -> None:
    network = Network((data.features, *HIDDEN, data.classes))
    run = train(name, all_optimizers()[name], setting(name), network, data, epochs=EPOCHS, batch_size=BATCH_SIZE)
    assert run.test_accuracies[-1] >= 0.95
    assert run.train_losses[-1] < 0.1 < run.train_losses[0]
    assert run.same_bits
    assert len(run.train_losses) == len(run.test_accuracies) == EPOCHS + 1
    assert run.steps == EPOCHS * (len(data.train) // run.batch_size)
    assert run.onepass_ms > 0
    assert run.ratio == pytest.approx(run.numpy_ms / run.onepass_ms)


def test_every_optimizer_is_listed() -> None:
    assert set(all_optimizers()) == set(optimizers.__all__)
    assert TUNED.keys() <= set(optimizers.__all__)


def test_a_new_optimizer_appears_with_its_defaults(monkeypatch: pytest.MonkeyPatch, data: Dataset) -> None:
    package = SimpleNamespace(__all__=["SGD", "Fresh"], SGD=op.SGD, Fresh=op.Adam)
    monkeypatch.setattr(settings, "optimizers", package)
    assert list(all_optimizers()) == ["Fresh", "SGD"]
    assert setting("Fresh") == Setting()
    run = train("Fresh", op.Adam, setting("Fresh"), Network((64, 50, 10)), data, epochs=1, batch_size=128)
    assert run.optimizer == "Fresh"
    assert run.lr == inspect.signature(op.Adam).parameters["lr"].default


def test_the_seed_decides_a_run(data: Dataset) -> None:
    def losses(seed: int) -> tuple[float, ...]:
        network = Network((64, 50, 10))
        return train("Adam", op.Adam, Setting(), network, data, epochs=2, batch_size=64, seed=seed).train_losses

    assert losses(5) == losses(5)
    assert losses(5) != losses(6)


@pytest.mark.parametrize(
    ("optimizer_class", "options"),
    [
        (op.SGD, {"maximize": True, "weight_decay": 0.1}),
        (op.SGD, {"momentum": 0.9, "nesterov": True}),
        (op.RMSprop, {"centered": True, "momentum": 0.5}),
        (op.NAdam, {"decoupled_weight_decay": True, "weight_decay": 0.1}),
        (op.ASGD, {"t0": 1.0}),
    ],
)
def test_the_twin_follows_every_option(
    optimizer_class: type[op.Optimizer], options: dict[str, float], rng: np.random.Generator
) -> None:
    params = {"a": rng.standard_normal((5, 7)).astype(np.float32), "b": rng.standard_normal(3).astype(np.float32)}
    optimizer = optimizer_class(params, lr=0.05, **options)
    twin = NumPyTwin(optimizer)
    for _ in range(4):
        gradients = {name: rng.standard_normal(param.shape).astype(np.float32) for name, param in params.items()}
        optimizer.step(gradients)
        twin.step(gradients)
    assert twin.has_bits_of(optimizer)


@pytest.mark.parametrize("what", ["parameter", "state"])
def test_one_bit_makes_a_difference(what: str) -> None:
    params = {"a": np.ones(3, np.float32)}
    optimizer = op.Momentum(params)
    twin = NumPyTwin(optimizer)
    gradients = {"a": np.ones(3, np.float32)}
    optimizer.step(gradients)
    twin.step(gradients)
    assert twin.has_bits_of(optimizer)
    array = params["a"] if what == "parameter" else optimizer.state[0]["momentum_buffer"]
    array[1] = np.nextafter(array[1], np.float32(9))
    assert not twin.has_bits_of(optimizer)


def test_the_twin_needs_names() -> None:
    with pytest.raises(ValueError, match="dict by name"):
        NumPyTwin(op.SGD([np.ones(3)]))
