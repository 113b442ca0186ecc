"""Is the trainer called as gluon's? Gradients, rates, schedulers, files; and errors that change nothing."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import onepass as op
from onepass.arrays import Array
from onepass.gluon.meanings import MEANINGS


def trainer_of(name: str = "sgd", **keys: Any) -> op.Trainer:
    """A trainer of two named parameters, after three steps."""
    trainer = op.Trainer({"w": np.ones((2, 3)), "b": np.zeros(3)}, name, keys)
    for _ in range(3):
        trainer.step(2, gradients=gradients_of(trainer))
    return trainer


def gradients_of(trainer: op.Trainer) -> dict[str, Array]:
    """Those of a quadratic, which depend on the parameters."""
    return {name: 0.5 * array + 0.25 for name, array in trainer.optimizer.named("params").items()}


def test_a_loop_as_in_the_text() -> None:
    """Linear regression by mini-batches, gradients in arrays that belong to the parameters."""
    rng = np.random.default_rng(1)
    features = rng.standard_normal((1000, 2))
    labels = features @ [2.0, -3.4] + 4.2
    w, b = np.zeros(2), np.zeros(1)
    dw, db = np.zeros_like(w), np.zeros_like(b)
    trainer = op.Trainer([w, b], "sgd", {"learning_rate": 0.03}, gradients=[dw, db])
    batch_size = 10
    for _ in range(3):
        for start in range(0, 1000, batch_size):
            rows = slice(start, start + batch_size)
            errors = features[rows] @ w + b - labels[rows]
            dw[...], db[...] = errors @ features[rows], errors.sum()
            trainer.step(batch_size)
    np.testing.assert_allclose([*w, *b], [2.0, -3.4, 4.2], atol=1e-3)


@pytest.mark.parametrize("form", ["array", "list", "dict"])
def test_gradients_are_given_as_the_parameters_were_and_only_read(form: str) -> None:
    w, g = np.zeros(2), np.array([4.0, 8.0])
    params: Any = {"array": w, "list": [w], "dict": {"w": w}}[form]
    gradients: Any = {"array": g, "list": [g], "dict": {"w": g}}[form]
    op.Trainer(params, "sgd", {"learning_rate": 1.0}).step(4, gradients=gradients)
    op.Trainer(params, "sgd", {"learning_rate": 1.0}, gradients=gradients).step(4)
    assert np.array_equal(w, [-2.0, -4.0])
    assert np.array_equal(g, [4.0, 8.0])


def test_sparse_rows_are_gradients_too() -> None:
    table = np.zeros((4, 2), np.float32)
    rows = op.SparseRows(np.array([2]), np.ones((1, 2), np.float32))
    op.Trainer(table, "adagrad", {"learning_rate": 1.0}).step(1, gradients=rows)
    assert np.array_equal(np.flatnonzero(table.any(axis=1)), [2])


def test_a_gradient_that_is_stale() -> None:
    a, b = np.zeros(1), np.zeros(1)
    trainer = op.Trainer({"a": a, "b": b}, "sgd", {"learning_rate": 1.0})
    with pytest.raises(ValueError, match=r"^step: gradient 'b' is None; pass ignore_stale_grad=True"):
        trainer.step(1, gradients={"a": np.ones(1), "b": None})
    assert (a, b) == (0, 0)
    trainer.step(1, ignore_stale_grad=True, gradients={"a": np.ones(1), "b": None})
    trainer.step(1, True, gradients={"a": None, "b": None})
    assert (a, b) == (-1, 0)
    with pytest.raises(ValueError, match=r"^step: gradient 1 is None"):
        op.Trainer([a, b], "sgd").step(1, gradients=[np.ones(1), None])


def test_the_learning_rate() -> None:
    trainer = op.Trainer(np.ones(1), "adam", {"learning_rate": 0.25})
    assert trainer.learning_rate == 0.25
    trainer.set_learning_rate(0.125)
    assert trainer.learning_rate == 0.125
    trainer.step(1, gradients=np.ones(1))
    assert trainer.optimizer.lr == 0.125


def test_a_scheduler_is_asked_for_the_number_of_the_update() -> None:
    """gluon counts from 1: rates 1, 1/2, 1/3 make 11/6."""
    seen: list[int] = []

    def scheduler(update: int) -> float:
        seen.append(update)
        return 1 / max(update, 1)

    w = np.zeros(1)
    trainer = op.Trainer(w, "sgd", {"lr_scheduler": scheduler})
    for _ in range(3):
        trainer.step(1, gradients=np.ones(1))
    assert w[0] == pytest.approx(-11 / 6, rel=1e-15)
    assert sorted(set(seen)) == [1, 2, 3]
    assert trainer.learning_rate == 1 / 3
    with pytest.raises(ValueError, match=r"^set_learning_rate: the lr_scheduler sets the learning rate"):
        trainer.set_learning_rate(1.0)


def test_a_scheduler_that_fails_changes_nothing() -> None:
    w = np.zeros(1)
    trainer = op.Trainer(w, "adam", {"lr_scheduler": lambda update: 0.5 if update < 2 else -1.0})
    trainer.step(1, gradients=np.ones(1))
    before = w.copy()
    with pytest.raises(ValueError, match=r"^Trainer: lr_scheduler\(2\) must be in \[0, inf\), got -1\.0"):
        trainer.step(1, gradients=np.ones(1))
    assert w == before
    assert trainer.optimizer.state[0]["step"] == 1


@pytest.mark.parametrize("name", MEANINGS)
def test_states_are_saved_and_loaded(name: str, tmp_path: Path) -> None:
    """Two steps after loading, with a rate that was changed, are those that the saved one makes, bit for bit."""
    first, second = trainer_of(name, clip_gradient=0.2), trainer_of(name, learning_rate=0.5)
    first.set_learning_rate(0.125)
    first.step(2, gradients=gradients_of(first))
    first.save_states(tmp_path / "states")
    for mine, its in zip(first.optimizer.params, second.optimizer.params, strict=True):
        its[...] = mine
    second.load_states(tmp_path / "states")
    assert second.learning_rate == 0.125
    for trainer in (first, second):
        for _ in range(2):
            trainer.step(2, gradients=gradients_of(trainer))
    for mine, its in zip(first.optimizer.params, second.optimizer.params, strict=True):
        assert np.array_equal(mine, its)


def test_states_do_not_have_the_parameters(tmp_path: Path) -> None:
    trainer = trainer_of("adam")
    trainer.save_states(tmp_path / "states")
    for array in trainer.optimizer.params:
        array[...] = 7
    trainer.load_states(tmp_path / "states")
    assert all((array == 7).all() for array in trainer.optimizer.params)


def test_states_of_another_optimizer_are_refused(tmp_path: Path) -> None:
    trainer_of("adam").save_states(tmp_path / "states")
    trainer = trainer_of("adamax", learning_rate=0.5)
    before = trainer.optimizer.state_dict()
    with pytest.raises(ValueError, match=r"load: .*states': Adamax: state_dict is of 'Adam'"):
        trainer.load_states(tmp_path / "states")
    np.testing.assert_equal(trainer.optimizer.state_dict(), before)
    with pytest.raises(FileNotFoundError):
        trainer.load_states(tmp_path / "none")


def test_a_trainer_is_pickled_with_its_rates() -> None:
    trainer = trainer_of("adam", learning_rate=0.25)
    twin = pickle.loads(pickle.dumps(trainer))
    twin.set_learning_rate(0.5)
    assert (trainer.learning_rate, twin.learning_rate) == (0.25, 0.5)
    twin.step(1, gradients=gradients_of(twin))
    assert twin.optimizer.state[0]["step"] == 4


def test_multi_precision_is_for_16_bits() -> None:
    op.Trainer(np.ones(3, np.float32), "sgd", {"multi_precision": True})
    with pytest.raises(ValueError, match=r"^Trainer: multi_precision keeps float32 copies of 16-bit parameters; give"):
        op.Trainer(np.ones(3, np.float16), "sgd", {"multi_precision": True})


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        (
            ("signum",),
            ValueError,
            r"there is no optimizer 'signum' of gluon here; there are sgd, nag, adagrad, .*nadam",
        ),
        ((op.SGD,), TypeError, "optimizer must be a name, one of sgd"),
        (("sgd", [("momentum", 0.9)]), TypeError, "optimizer_params must be a dict"),
        (("sgd", {"lr": 0.1}), TypeError, "optimizer_params of 'sgd' has 'lr'; known are learning_rate, .*momentum"),
        (("sgd", {"lr_mult": 0.1}), TypeError, "optimizer_params of 'sgd' has 'lr_mult'"),
        (("adam", {"momentum": 0.1}), TypeError, "optimizer_params of 'adam' has 'momentum'; .*beta1, beta2, epsilon"),
        (("sgd", {"learning_rate": -1}), ValueError, r"learning_rate must be in \[0, inf\), got -1"),
        (("sgd", {"learning_rate": "0.1"}), TypeError, "learning_rate must be a real number"),
        (("sgd", {"momentum": -0.1}), ValueError, r"momentum must be in \[0, inf\)"),
        (("sgd", {"wd": np.nan}), ValueError, r"wd must be in \[0, inf\)"),
        (("sgd", {"clip_gradient": 0}), ValueError, r"clip_gradient must be in \(0, inf\]"),
        (("sgd", {"multi_precision": 1}), TypeError, "multi_precision must be True or False"),
        (("adam", {"beta2": 1.0}), ValueError, r"beta2 must be in \[0, 1\)"),
        (("adadelta", {"rho": 2}), ValueError, r"rho must be in \[0, 1\]"),
        (("sgd", {"lr_scheduler": 0.1}), TypeError, "lr_scheduler must be a function of the update's number"),
        (
            ("sgd", {"lr_scheduler": abs, "learning_rate": 0.1}),
            ValueError,
            "learning_rate and lr_scheduler are both given",
        ),
        (
            ("rmsprop", {"rho": 0.9, "gamma1": 0.9}),
            TypeError,
            "optimizer_params has rho, momentum by both of their names",
        ),
        (("adagrad", {"wd": 0.1}), ValueError, "wd is decoupled in MXNet 1's adagrad"),
        (("adadelta", {"wd": 0.1}), ValueError, "wd is decoupled in gluon's adadelta"),
    ],
    ids=str,
)
def test_bad_arguments(arguments: tuple[Any, ...], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=f"^Trainer: {text}"):
        op.Trainer(np.ones(3), *arguments)


@pytest.mark.parametrize(
    ("group", "error", "text"),
    [
        ({"lr": 0.1}, TypeError, "Trainer: unknown 'lr' in a group; known are params, lr_mult, wd_mult"),
        ({"lr_mult": -1}, ValueError, r"Trainer: lr_mult must be in \[0, inf\)"),
        ({"wd_mult": None}, TypeError, "Trainer: wd_mult must be a real number"),
    ],
)
def test_bad_groups(group: dict[str, Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=f"^{text}"):
        op.Trainer([{"params": [np.ones(3)], **group}], "sgd")


@pytest.mark.parametrize(
    ("arguments", "named", "error", "text"),
    [
        ((0,), {}, ValueError, r"batch_size must be in \(0, inf\), got 0"),
        (("8",), {}, TypeError, "batch_size must be a real number"),
        ((1, 1), {}, TypeError, "ignore_stale_grad must be True or False"),
        ((1, np.ones(3)), {}, TypeError, "ignore_stale_grad must be True or False"),
        ((1,), {"gradients": None}, ValueError, "gradients are missing; pass them to step, or to Trainer"),
        ((1,), {"gradients": np.ones(4)}, ValueError, r"gradient 0 has shape \(4,\), its parameter has \(3,\)"),
        ((1,), {"gradients": [None]}, ValueError, "gradient 0 is None"),
    ],
    ids=str,
)
def test_bad_steps_change_nothing(
    arguments: tuple[Any, ...], named: dict[str, Any], error: type[Exception], text: str
) -> None:
    weights = np.ones(3)
    trainer = op.Trainer(weights, "adam")
    with pytest.raises(error, match=f"^step: {text}"):
        trainer.step(*arguments, **{"gradients": np.ones(3), **named})
    assert (weights == 1).all()
    assert trainer.optimizer.state[0]["step"] == 0
    assert trainer.learning_rate == 0.001


def test_bad_rates_change_nothing() -> None:
    trainer = op.Trainer(np.ones(3), "adam")
    for bad in (-1, np.inf, np.nan):
        with pytest.raises(ValueError, match=r"^set_learning_rate: lr must be in \[0, inf\)"):
            trainer.set_learning_rate(bad)
    assert trainer.learning_rate == 0.001


def test_gradients_are_checked_when_the_trainer_is_built() -> None:
    with pytest.raises(ValueError, match=r"^step: gradient 0 has shape \(2,\)"):
        op.Trainer([np.ones(3)], "sgd", gradients=[np.ones(2)])
