"""Does every optimizer come near the exact minimum of least squares, by gradients that are the right ones?"""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import onepass as op
from onepass.lab.airfoil.fitting import Fit, exact_minimum, fit, fit_as_text
from onepass.lab.airfoil.generated import generated
from onepass.lab.airfoil.row import grouped
from onepass.lab.airfoil.settings import HIGHEST, TEXT, TUNED, setting
from onepass.lab.data.airfoil import Regression, airfoil
from onepass.lab.settings import Setting, all_optimizers

PROBLEM = generated()


def assert_ends_near(name: str, data: Regression) -> None:
    for seed in range(3):
        run = fit(name, all_optimizers()[name], setting(name), data, seed)
        assert 0.2417 <= run.losses[-1] <= 0.256
        assert run.losses[0] == pytest.approx(0.5, abs=0.02)  # the targets are standardised, the weights near zero


@pytest.mark.parametrize("name", TUNED)
def test_ends_near_the_exact_minimum(name: str) -> None:
    assert_ends_near(name, PROBLEM)


@pytest.mark.parametrize("name", TUNED)
def test_ends_near_the_exact_minimum_of_the_measurements(name: str, airfoil_folder: Path) -> None:
    assert_ends_near(name, airfoil(airfoil_folder))


@pytest.mark.parametrize("name", TEXT)
def test_the_calls_of_the_text_end_near_the_exact_minimum(name: str) -> None:
    for seed in range(3):
        assert 0.2417 <= fit_as_text(name, PROBLEM, seed).losses[-1] <= 0.256


def test_the_trainer_and_the_optimizer_descend_alike() -> None:
    """adagrad with a rate of 0.1 is both a row of ours and a call of the text, which differ in eps."""
    ours, texts = fit("Adagrad", op.Adagrad, setting("Adagrad"), PROBLEM, 5), fit_as_text("adagrad", PROBLEM, 5)
    assert ours.losses == pytest.approx(texts.losses, rel=1e-5)
    assert ours.losses != texts.losses


def test_only_optimizers_have_rows() -> None:
    assert TUNED.keys() <= all_optimizers().keys()


def test_the_first_losses_by_hand() -> None:
    """SGD, ten steps, written out for the bias as a sixth column."""
    run = fit("SGD", op.SGD, Setting({"lr": 0.1}), PROBLEM, seed=7)
    rng = np.random.default_rng(7)
    inputs = np.column_stack([PROBLEM.features, np.ones(1500)])
    weights = np.append(rng.normal(0, 0.01, 5), 0.0)
    order = rng.permutation(1500)
    losses = [np.mean((inputs @ weights - PROBLEM.targets) ** 2) / 2]
    for step in range(10):
        rows = order[10 * step : 10 * step + 10]
        errors = inputs[rows] @ weights - PROBLEM.targets[rows]
        weights -= 0.1 * np.mean(errors[:, None] * inputs[rows], axis=0)
    losses.append(np.mean((inputs @ weights - PROBLEM.targets) ** 2) / 2)
    assert run.losses[:2] == pytest.approx(losses, rel=1e-12)
    assert run.epochs[:2] == (0, pytest.approx(1 / 15))
    assert (len(run.epochs), run.epochs[-1]) == (31, 2)


def test_every_row_is_taken_once_per_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    """With features and targets of zero but for the bias, the gradients say how many rows a step had."""
    data = Regression("ones", np.zeros((1500, 5)), -np.ones(1500))
    seen: list[float] = []
    monkeypatch.setattr(op.SGD, "step", lambda self, sums, grad_scale: seen.append(float(sums["bias"][0]) / grad_scale))
    fit("SGD", op.SGD, Setting({"lr": 0.1}), data, seed=0)
    assert len(seen) == 300
    assert seen == pytest.approx([1.0] * 300)


def test_the_same_seed_gives_the_same_bits() -> None:
    first, second, other = (fit("Adam", op.Adam, setting("Adam"), PROBLEM, seed) for seed in (1, 1, 2))
    assert first == second
    assert first.losses != other.losses


def a_fit(name: str, seed: int, *losses: float) -> Fit:
    return Fit(name, {"lr": 0.1}, seed, tuple(map(float, range(len(losses)))), losses, (0.0,) * 6)


@pytest.mark.parametrize(
    ("last", "near"),
    [(0.25, True), (HIGHEST, True), (0.2561, False), (0.2416, False), (math.nan, False), (math.inf, False)],
)
def test_a_row_is_near_if_every_run_is(last: float, near: bool) -> None:
    (row,) = grouped([a_fit("Adam", 0, 0.5, 0.243), a_fit("Adam", 1, 0.5, last)], minimum=0.2417)
    assert row.is_near is near
    assert (row.name, row.lr, row.finals[0]) == ("Adam", 0.1, 0.243)


def test_an_untuned_row_is_neither_near_nor_far() -> None:
    (row,) = grouped([a_fit("Fresh", 0, 0.5, 0.243)], minimum=0.2417)
    assert row.is_near is None


def test_runs_are_grouped_by_optimizer() -> None:
    adam, sgd = grouped([a_fit("Adam", 0, 0.25), a_fit("SGD", 0, 0.3), a_fit("Adam", 1, 0.27)], minimum=0.2)
    assert (adam.name, adam.finals, sgd.finals) == ("Adam", (0.25, 0.27), (0.3,))
    assert adam.mean == pytest.approx(0.26)


def test_the_exact_minimum_is_below_what_any_weights_reach() -> None:
    exact = exact_minimum(PROBLEM)
    scaled = replace(PROBLEM, targets=3 * PROBLEM.targets)
    assert exact_minimum(scaled) == pytest.approx(9 * exact, rel=1e-12)
