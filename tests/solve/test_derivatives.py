"""Are differences as accurate as their order, within bounds, for one point and for many?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from onepass.arrays import Array
from onepass.solve.derivatives import cost, differences, directional_difference, precision_of, step_sizes

X = np.array([0.5, -2.0, 0.0])
EXACT = np.array([[np.cos(0.5), 0, 0], [-2.0, 0.5, 0.0], [0, 0, 1.0], [0.5 * np.exp(-2.0) * 0, 2 * -2.0, 0]])


def f(x: Array) -> Array:
    return np.stack([np.sin(x[..., 0]), x[..., 0] * x[..., 1], np.exp(x[..., 2]), x[..., 1] ** 2], axis=-1)


@pytest.mark.parametrize(("scheme", "error"), [("2-point", 1e-7), ("3-point", 1e-9), ("cs", 1e-15)])
@pytest.mark.parametrize(
    "bounds",
    [None, ([0.5, -2, 0], [9, 9, 9]), ([-9, -9, -9], [0.5, -2, 0]), ([0.5, -2.0, 0.0], [0.5 + 1e-6, -2 + 1e-6, 1e-6])],
    ids=str,
)
def test_jacobians(scheme: str, error: float, bounds: Any) -> None:
    calls = []
    box = None if bounds is None else tuple(map(np.array, bounds))

    def inside(x: Array) -> Array:
        calls.append(x)
        if box is not None:
            assert ((x.real >= box[0]) & (x.real <= box[1])).all()
        return f(x)

    found = differences(inside, X, f(X), scheme, bounds=box)
    assert len(calls) == cost(scheme, 3)
    narrow = box is not None and (box[1] - box[0] < 1e-5).any()
    np.testing.assert_allclose(found.T, EXACT, atol=1e-8 if narrow and scheme == "3-point" else 10 * error)


@pytest.mark.parametrize("scheme", ["2-point", "3-point", "cs"])
def test_many_points_are_as_one_each(scheme: str) -> None:
    many = np.stack([X, X + 1, X * 3])
    found = differences(f, many, f(many), scheme)
    assert found.shape == (3, 3, 4)
    for k in range(3):
        np.testing.assert_array_equal(found[:, k], differences(f, many[k], f(many[k]), scheme))


def test_a_gradient() -> None:
    found = differences(lambda x: float(x @ x), X, float(X @ X), "3-point")
    np.testing.assert_allclose(found, 2 * X, atol=1e-9)


def test_step_sizes() -> None:
    eps = 2.0**-52
    np.testing.assert_allclose(step_sizes(X, "2-point", 1.0, np.float64), eps**0.5 * np.array([1, -2, 1]), rtol=1e-7)
    np.testing.assert_allclose(
        step_sizes(X, "3-point", 0.1, np.float64), eps ** (1 / 3) * np.array([0.5, -2, 0.1]), rtol=1e-7
    )
    single = step_sizes(X.astype(np.float32), "2-point", 1.0, np.float32)
    np.testing.assert_allclose(single, 2.0**-11.5 * np.array([1, -2, 1]), rtol=1e-3)
    assert (step_sizes(X, "2-point", 1.0, np.float32) == step_sizes(X, "2-point", 1.0, np.dtype(np.float32))).all()
    for x in (X, X.astype(np.float32)):
        h = step_sizes(x, "2-point", 1.0, x.dtype)
        assert ((x + h) - x == h).all()


def test_given_steps_and_another_map() -> None:
    """A step of 1 from x^2 is off by 1; the points may be taken in any order if the values come in theirs."""

    def backwards(function: Any, points: Any) -> Any:
        return reversed([function(point) for point in reversed(list(points))])

    found = differences(lambda x: x @ x, X, X @ X, steps=np.ones(3), each=backwards)
    np.testing.assert_array_equal(found, 2 * X + 1)


def test_the_precision_of_a_function() -> None:
    for returned, precision in ((np.float32(1), np.float32), (np.ones(2, np.float16), np.float16), (1, np.float64)):
        assert precision_of(returned) == precision
    h = step_sizes(X, "2-point", 1.0, precision_of(np.float32(1)))
    slope = directional_difference(
        lambda x: np.float32(x @ x), X, np.float32(X @ X), np.array([0.0, 1.0, 0.0]), np.float32
    )
    assert abs(h).min() > 1e-4
    assert slope == pytest.approx(-4, abs=1e-2)


def test_products_with_a_hessian() -> None:
    h = np.array([[2.0, 1.0], [1.0, 5.0]])
    x = np.array([3.0, -1.0])
    np.testing.assert_allclose(
        directional_difference(lambda y: h @ y, x, h @ x, np.array([1e3, 2.0])), h @ [1e3, 2.0], rtol=1e-6
    )
    assert directional_difference(lambda y: h @ y, x, h @ x, np.zeros(2)).tolist() == [0, 0]
