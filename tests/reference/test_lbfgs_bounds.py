"""Is the Cauchy point the first minimizer along the projected path, and the model's matrix what its formula says?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from onepass.reference.kernels.lbfgs_bounds import (
    Cauchy,
    Factors,
    Model,
    SingularError,
    bounded_step,
    cauchy_point,
    room,
    subspace_step,
)

SIZE = 12


def updated(theta: float, pairs: list[tuple[Any, Any]]) -> Any:
    """theta I after BFGS's update by each pair."""
    b = theta * np.eye(SIZE)
    for s, y in pairs:
        bs = b @ s
        b += np.outer(y, y) / (s @ y) - np.outer(bs, bs) / (s @ bs)
    return b


@pytest.fixture(params=[0, 1, 3, 5], ids="{} pairs".format)
def model(request: pytest.FixtureRequest, rng: np.random.Generator) -> tuple[Model, Any]:
    """And the dense matrix."""
    root = rng.standard_normal((SIZE, SIZE))
    a = root @ root.T + np.eye(SIZE)
    ss = [rng.standard_normal(SIZE) for _ in range(request.param)]
    return model_of(ss, [a @ s for s in ss])


def model_of(ss: list[Any], ys: list[Any]) -> tuple[Model, Any]:
    theta = float(ys[-1] @ ys[-1] / (ss[-1] @ ys[-1])) if ss else 1.0
    rows = np.array([*ys, *ss]).reshape(-1, SIZE)
    return Model(ys, ss, rows @ rows.T, theta), updated(theta, list(zip(ss, ys, strict=True)))


@pytest.fixture
def box(rng: np.random.Generator) -> tuple[Any, Any, Any, Any]:
    """x, g and bounds, of which some are infinite and some are met already."""
    lower, upper = -rng.uniform(0.01, 1, SIZE), rng.uniform(0.01, 1, SIZE)
    lower[::5], upper[1::5] = -np.inf, np.inf
    x, g = rng.uniform(-0.01, 0.01, SIZE), 5 * rng.standard_normal(SIZE)
    x[3], x[7], g[3], g[8] = upper[3], lower[7], -1, 0
    return x, g, lower, upper


def test_the_compact_matrix_is_that_of_the_updates(model: tuple[Model, Any]) -> None:
    quadratic, b = model
    for j in range(SIZE):
        unit = np.eye(SIZE)[j]
        out = np.empty(SIZE)
        quadratic.spread(out, quadratic.theta, unit, -quadratic.m_times(quadratic.along(unit)))
        np.testing.assert_allclose(out, b[j], atol=1e-10 * np.abs(b).max())


@pytest.mark.parametrize("seed", range(4))
def test_the_cauchy_point_is_the_first_minimizer(
    model: tuple[Model, Any], box: tuple[Any, Any, Any, Any], seed: int
) -> None:
    quadratic, b = model
    x, g, lower, upper = box
    g = g * 10.0 ** (seed - 2)  # from a path without bends to one with all of them

    def value(t: Any) -> Any:
        z = np.clip(x - t[:, None] * g, lower, upper) - x
        return z @ g + 0.5 * np.sum(z @ b * z, axis=1)

    found = cauchy_point(x, g, lower, upper, quadratic)
    t = np.linspace(0, 3 / np.linalg.eigvalsh(b)[0], 200_001)
    values = value(t)
    rising = np.flatnonzero(np.diff(values) > 0)
    first = t[rising[0]] if rising.size else t[-1]
    expected = np.clip(x - first * g, lower, upper)
    np.testing.assert_allclose(found.point, expected, atol=2 * t[1] * np.abs(g).max())
    np.testing.assert_allclose(found.along, quadratic.along(found.point - x), atol=1e-9)
    assert (found.free == ((found.point > lower) & (found.point < upper))).all()


def test_the_step_among_the_free_variables(model: tuple[Model, Any], box: tuple[Any, Any, Any, Any]) -> None:
    quadratic, b = model
    x, g, lower, upper = box
    start = cauchy_point(x, g, lower, upper, quadratic)
    free = np.arange(SIZE) % 3 > 0
    step = subspace_step(x, g, Cauchy(start.point, free, start.along), quadratic)
    gradient = (g + b @ (start.point - x))[free]
    np.testing.assert_allclose(step[free], -np.linalg.solve(b[np.ix_(free, free)], gradient), atol=1e-9)
    assert not step[~free].any()


def step_of(model: Model, x: Any, g: Any, lower: Any, upper: Any) -> tuple[Any, Any, Any]:
    out, d = np.empty_like(x), np.empty_like(x)
    count = len(model.rows) // 2
    told = bounded_step(out, d, x, g, lower, upper, model.rows[:count], model.rows[count:], model.products, model.theta)
    return out, d, told


def test_the_target_is_within_the_bounds_and_downhill(model: tuple[Model, Any], box: tuple[Any, Any, Any, Any]) -> None:
    x, g, lower, upper = box
    end, d, told = step_of(model[0], *box)
    assert ((lower <= end) & (end <= upper)).all()
    assert d @ g < 0
    np.testing.assert_array_equal(d, end - x)
    assert told == pytest.approx((d @ d, d @ g, room(x, d, lower, upper)))


def test_without_bounds_it_is_newtons_point(model: tuple[Model, Any], rng: np.random.Generator) -> None:
    quadratic, b = model
    x, g = rng.standard_normal((2, SIZE))
    end, _, _ = step_of(quadratic, x, g, np.full(SIZE, -np.inf), np.full(SIZE, np.inf))
    np.testing.assert_allclose(end, x - np.linalg.solve(b, g), atol=1e-9)


def test_a_singular_matrix_is_told() -> None:
    x = np.ones(SIZE)
    infinite = np.full(SIZE, np.inf)
    told = bounded_step(x.copy(), x.copy(), x, x, -infinite, infinite, [x], [x], np.zeros((2, 2)), 1.0)
    assert told is None


def test_solving(rng: np.random.Generator) -> None:
    a, right = rng.standard_normal((7, 7)), rng.standard_normal(7)
    a[0, 0] = 0
    np.testing.assert_allclose(Factors(a).solve(right), np.linalg.solve(a, right), rtol=1e-10)
    a[:, 3] = a[:, 2] = 0
    with pytest.raises(SingularError):
        Factors(a)


def test_many_bends(rng: np.random.Generator) -> None:
    x, g = np.zeros(2000), rng.standard_normal(2000)
    bound = np.abs(g) * rng.uniform(0, 2, x.size)
    found = cauchy_point(x, g, -bound, bound, Model([], [], np.empty((0, 0)), 1.0))
    np.testing.assert_array_equal(found.point, np.clip(-g, -bound, bound))  # theta is 1


def test_room() -> None:
    x, d = np.array([0.0, 0.5, 1.0]), np.array([0.0, 1.0, -4.0])
    assert room(x, d, np.full(3, -1.0), np.full(3, 1.0)) == 0.5
    assert room(x, 0 * d, np.full(3, -1.0), np.full(3, 1.0)) == np.inf
