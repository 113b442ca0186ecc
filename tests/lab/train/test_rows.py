"""Do runs from several seeds become the right means and differences?"""

from __future__ import annotations

import pytest

pytest.importorskip("sklearn")

from some_runs import a_run

from onepass.lab.train.rows import rows


def test_runs_of_one_state_dtype_are_rows_by_optimizer() -> None:
    first, second, other = a_run("Adam", seed=0), a_run("Adam", seed=1), a_run("SGD", seed=0)
    adam, sgd = rows([first, other, second])
    assert (adam.label, adam.runs) == ("Adam", (first, second))
    assert (sgd.label, sgd.runs) == ("SGD", (other,))


def test_means_over_the_seeds() -> None:
    (row,) = rows([a_run(losses=(2.0, 1.0, 0.5), accuracy=0.9), a_run(seed=1, losses=(4.0, 2.0, 0.0), accuracy=0.95)])
    assert row.train_losses == (3.0, 1.5, 0.25)
    assert row.test_accuracies == pytest.approx((0.1, 0.8, 0.925))
    assert row.mean(lambda run: run.numpy_ms) == 10


def test_points_are_differences_from_the_first_state_dtype_seed_by_seed() -> None:
    accuracies = {"float32": (0.90, 0.80, 0.70), "float8": (0.91, 0.80, 0.68)}
    runs = [a_run("Adam", dtype, seed, accuracy=accuracies[dtype][seed]) for seed in range(3) for dtype in accuracies]
    base, small = rows(runs)
    assert (base.label, small.label) == ("Adam, float32", "Adam, float8")
    assert (base.points, base.points_error) == (0, 0)
    assert small.points == pytest.approx((1 + 0 - 2) / 3)
    assert small.points_error == pytest.approx((7 / 3) ** 0.5 / 3**0.5)  # of 1, 0, -2: variance 7 / 3


def test_one_seed_has_no_standard_error() -> None:
    _, row = rows([a_run("Adam", "float32", accuracy=0.9), a_run("Adam", "float16", accuracy=0.8)])
    assert row.points == pytest.approx(-10)
    assert row.points_error is None
