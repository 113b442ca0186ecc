"""Is the Cauchy point the first minimizer along the projected path, and the model's matrix what its formula says?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from onepass.solve.smooth.cauchy import Cauchy, cauchy_point, room, subspace_step, target
from onepass.solve.smooth.compact import Compact

SIZE = 12


def updated(theta: float, pairs: list[tuple[Any, Any]]) -> Any:
    """theta I after BFGS's update by each pair."""
    b = theta * np.eye(SIZE)
    for s, y in pairs:
        bs = b @ s
        b += np.outer(y, y) / (s @ y) - np.outer(bs, bs) / (s @ bs)
    return b


@pytest.fixture(params=[0, 1, 3, 5], ids="{} pairs".format)
def model(request: pytest.FixtureRequest, rng: np.random.Generator) -> tuple[Compact, Any]:
    """With room for four pairs, and the dense matrix."""
    root = rng.standard_normal((SIZE, SIZE))
    a = root @ root.T + np.eye(SIZE)
    compact, pairs = Compact(4), []
    for _ in range(request.param):
        s = rng.standard_normal(SIZE)
        pairs.append((s, a @ s))
        compact.push(*pairs[-1])
    return compact, updated(compact.theta, pairs[-4:])


@pytest.fixture
def box(rng: np.random.Generator) -> tuple[Any, Any, Any, Any]:
    """x, g and bounds, of which some are infinite and some are met already."""
    lower, upper = -rng.uniform(0.01, 1, SIZE), rng.uniform(0.01, 1, SIZE)
    lower[::5], upper[1::5] = -np.inf, np.inf
    x, g = rng.uniform(-0.01, 0.01, SIZE), 5 * rng.standard_normal(SIZE)
    x[3], x[7], g[3], g[8] = upper[3], lower[7], -1, 0
    return x, g, lower, upper


def test_the_compact_matrix_is_that_of_the_updates(model: tuple[Compact, Any]) -> None:
    compact, b = model
    for j in range(SIZE):
        unit = np.eye(SIZE)[j]
        out = np.empty(SIZE)
        compact.spread(out, compact.theta, unit, -compact.m_times(compact.along(unit)))
        np.testing.assert_allclose(out, b[j], atol=1e-10 * np.abs(b).max())


@pytest.mark.parametrize("free_count", [0, 1, 5, 9, SIZE])
def test_the_gram_matrix_of_some_rows(model: tuple[Compact, Any], free_count: int, rng: np.random.Generator) -> None:
    compact, _ = model
    rows = compact.rows(np.arange(SIZE))
    assert rows.shape == (SIZE, 2 * len(compact))
    free = rng.permutation(SIZE) < free_count
    scale = np.abs(rows.T @ rows).max(initial=1.0)
    np.testing.assert_allclose(compact.gram(free), rows[free].T @ rows[free], atol=1e-12 * scale)


@pytest.mark.parametrize("seed", range(4))
def test_the_cauchy_point_is_the_first_minimizer(
    model: tuple[Compact, Any], box: tuple[Any, Any, Any, Any], seed: int
) -> None:
    compact, b = model
    x, g, lower, upper = box
    g = g * 10.0 ** (seed - 2)  # from a path without bends to one with all of them

    def value(t: Any) -> Any:
        z = np.clip(x - t[:, None] * g, lower, upper) - x
        return z @ g + 0.5 * np.sum(z @ b * z, axis=1)

    found = cauchy_point(x, g, lower, upper, compact)
    t = np.linspace(0, 3 / np.linalg.eigvalsh(b)[0], 200_001)
    values = value(t)
    rising = np.flatnonzero(np.diff(values) > 0)
    first = t[rising[0]] if rising.size else t[-1]
    expected = np.clip(x - first * g, lower, upper)
    np.testing.assert_allclose(found.point, expected, atol=2 * t[1] * np.abs(g).max())
    np.testing.assert_allclose(found.along, compact.along(found.point - x), atol=1e-9)
    assert (found.free == ((found.point > lower) & (found.point < upper))).all()


def test_the_step_among_the_free_variables(model: tuple[Compact, Any], box: tuple[Any, Any, Any, Any]) -> None:
    compact, b = model
    x, g, lower, upper = box
    start = cauchy_point(x, g, lower, upper, compact)
    free = np.arange(SIZE) % 3 > 0
    step = subspace_step(x, g, Cauchy(start.point, free, start.along), compact)
    gradient = (g + b @ (start.point - x))[free]
    np.testing.assert_allclose(step[free], -np.linalg.solve(b[np.ix_(free, free)], gradient), atol=1e-9)
    assert not step[~free].any()


def test_the_target_is_within_the_bounds_and_downhill(
    model: tuple[Compact, Any], box: tuple[Any, Any, Any, Any]
) -> None:
    compact, _ = model
    x, g, lower, upper = box
    end = target(x, g, lower, upper, compact)
    assert ((lower <= end) & (end <= upper)).all()
    assert (end - x) @ g < 0


def test_without_bounds_it_is_newtons_point(model: tuple[Compact, Any], rng: np.random.Generator) -> None:
    compact, b = model
    x, g = rng.standard_normal((2, SIZE))
    end = target(x, g, np.full(SIZE, -np.inf), np.full(SIZE, np.inf), compact)
    np.testing.assert_allclose(end, x - np.linalg.solve(b, g), atol=1e-9)


def test_many_bends(rng: np.random.Generator) -> None:
    """More than one block of them."""
    x, g = np.zeros(20_000), rng.standard_normal(20_000)
    bound = np.abs(g) * rng.uniform(0, 2, x.size)
    found = cauchy_point(x, g, -bound, bound, Compact(3))
    np.testing.assert_array_equal(found.point, np.clip(-g, -bound, bound))  # theta is 1


def test_room() -> None:
    x, d = np.array([0.0, 0.5, 1.0]), np.array([0.0, 1.0, -4.0])
    assert room(x, d, np.full(3, -1.0), np.full(3, 1.0)) == 0.5
    assert room(x, 0 * d, np.full(3, -1.0), np.full(3, 1.0)) == np.inf
