"""Does every optimizer get a run, learn the digits, and end with the bits of its NumPy twin?"""

from __future__ import annotations

import inspect
from types import SimpleNamespace

import pytest
from cases import kind_of_class, some

pytest.importorskip("sklearn")

import onepass as op
from onepass import optimizers
from onepass.lab import settings
from onepass.lab.data.digits import digits
from onepass.lab.data.examples import Dataset
from onepass.lab.network import Network
from onepass.lab.settings import PLANS, TUNED, Setting, all_optimizers, setting
from onepass.lab.train.training import train


@pytest.fixture(scope="module")
def data() -> Dataset:
    return digits()


@pytest.mark.parametrize("name", some(all_optimizers(), lambda name: kind_of_class(all_optimizers()[name])))
def test_reaches_95_percent(name: str, data: Dataset) -> None:
    plan = PLANS["digits"]
    network = Network((data.features, *plan.hidden, data.classes))
    run = train(
        name, all_optimizers()[name], setting(name), network, data, epochs=plan.epochs, batch_size=plan.batch_size
    )
    assert run.test_accuracies[-1] >= 0.95
    assert run.train_losses[-1] < 0.1 < run.train_losses[0]
    assert run.same_bits
    assert len(run.train_losses) == len(run.test_accuracies) == plan.epochs + 1
    assert run.steps == plan.epochs * (len(data.train) // run.batch_size)
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
