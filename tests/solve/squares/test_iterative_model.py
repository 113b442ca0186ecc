"""Does the model that only multiplies promise what the decomposed one does? And which dampings do its steps get?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from onepass.arrays import Array
from onepass.solve.squares.damped_steps import DampedSteps
from onepass.solve.squares.iterative_model import MODEL_STOPPING, IterativeModel
from onepass.solve.squares.large_jacobian import MatrixJacobian
from onepass.solve.squares.linear_model import LinearModel, column_norms, norm

TIGHT = MODEL_STOPPING._replace(reduction=1e-13)


def models(j: Array, f: Array, weights: Array, stopping: Any = TIGHT) -> tuple[IterativeModel, LinearModel]:
    jac = MatrixJacobian(j, stopping)
    return IterativeModel(jac, weights, f, f @ j, column_norms(j)), LinearModel(j * weights, f)


@pytest.mark.parametrize("shape", [(40, 10), (10, 10), (10, 25)], ids=str)
@pytest.mark.parametrize("is_held", [False, True])
def test_it_is_the_decomposed_one(shape: tuple[int, int], is_held: bool, rng: np.random.Generator) -> None:
    j, f = rng.standard_normal(shape) * np.geomspace(1, 100, shape[1]), rng.standard_normal(shape[0])
    weights = 1 / column_norms(j)
    if is_held:
        weights[::3] = 0
    own, exact = models(j, f, weights)
    np.testing.assert_allclose(own.gradient, exact.gradient, atol=1e-12)
    np.testing.assert_allclose(own.newton(), exact.newton(), atol=1e-8)
    assert not own.newton()[weights == 0].any()
    np.testing.assert_allclose(own.cauchy(), exact.cauchy(), atol=1e-12)
    p = rng.standard_normal(shape[1])
    assert own.decrease(p) == pytest.approx(exact.decrease(p))
    assert own.curvature == pytest.approx(1.0)
    a = j * weights
    for damping in (1e-4, 0.1, 10.0):
        expected = -np.linalg.solve(a.T @ a + damping * np.eye(shape[1]), a.T @ f)
        np.testing.assert_allclose(own.damped(damping), expected, atol=1e-8)


def test_what_is_flat_beyond_the_limit_is_not_determined(rng: np.random.Generator) -> None:
    u, v = (np.linalg.qr(rng.standard_normal((8, 8)))[0] for _ in range(2))
    f = rng.standard_normal(8)
    for least, is_determined in ((1e-3, True), (1e-14, False)):
        j = u * np.geomspace(1, least, 8) @ v
        assert models(j, f, np.ones(8), MODEL_STOPPING)[0].is_determined is is_determined


def test_it_is_finite_only_if_its_products_are() -> None:
    j = np.ones((3, 2))
    assert models(j, np.ones(3), np.ones(2))[0].is_finite
    j[0, 0] = np.nan
    jac = MatrixJacobian(j, TIGHT)
    assert not IterativeModel(jac, np.ones(2), np.ones(3), np.ones(2), np.ones(2)).is_finite


def test_a_step_leaves_a_thousandth_of_the_gradient(rng: np.random.Generator) -> None:
    j, f = rng.standard_normal((300, 100)), rng.standard_normal(300)
    own, _ = models(j, f, np.ones(100), MODEL_STOPPING)
    left = own.gradient + j.T @ (j @ own.newton())
    assert 1e-6 < norm(left) / norm(own.gradient) <= 1e-3


class Recorded:
    """A model of the curvature 4 and the gradient (3, 4) that notes the dampings."""

    curvature, gradient = 4.0, np.array([3.0, 4.0])

    def __init__(self) -> None:
        self.dampings: list[float] = []

    def damped(self, damping: float) -> Array:
        self.dampings.append(damping)
        return np.zeros(2)


def test_dampings_follow_the_gains() -> None:
    steps, model = DampedSteps(), Recorded()
    steps.propose(model)
    assert model.dampings == [4e-3]
    for gain, factor in ((1.0, 0.1), (2.0, 0.1), (0.5, 1.0), (0.75, 0.875), (1e-3, 1 + 0.998**3)):
        steps.accepted(gain, 1.0)
        steps.propose(model)
        assert model.dampings[-1] / model.dampings[-2] == pytest.approx(factor)
    steps = DampedSteps()
    steps.propose(model)
    for gain, factor in ((0.0, 2.0), (-1.0, 4.0), (-1.0, 8.0), (-50.0, 51.0), (-1e6, 100.0)):
        steps.rejected(gain, 1e9)
        steps.propose(model)
        assert model.dampings[-1] / model.dampings[-2] == pytest.approx(factor)
    steps.accepted(0.5, 1.0)
    steps.rejected(0.0, 1e9)
    steps.propose(model)
    assert model.dampings[-1] / model.dampings[-2] == pytest.approx(2.0)


def test_dampings_neither_vanish_nor_stay_vanished() -> None:
    steps, model = DampedSteps(), Recorded()
    for _ in range(100):
        steps.propose(model)
        steps.accepted(1.0, 1.0)
    assert model.dampings[-1] == 4 * np.finfo(float).eps ** 2
    steps.rejected(-1.0, 0.5)
    steps.propose(model)
    assert model.dampings[-1] == pytest.approx(1e-3 * 5 / 0.5)
