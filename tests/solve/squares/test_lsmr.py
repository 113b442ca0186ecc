"""Does LSMR find the damped least-squares solution, the shortest one, know how good it is, and why it stopped?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from cases import EVERYWHERE

from onepass.arrays import Array
from onepass.reference.kernels import vectors as reference
from onepass.selftest.places import running
from onepass.solve.squares import lsmr as module
from onepass.solve.squares.lsmr import Solution, Stop, Stopping, lsmr

TIGHT = Stopping(1e-14, 1e-14, 1e15)
SHAPES = [(50, 20), (20, 20), (10, 30), (1, 5), (5, 1), (1, 1), (300, 100)]


def solved(a: Array, b: Array, damping: float = 0.0, stopping: Stopping = TIGHT) -> Solution:
    return lsmr(lambda v: a @ v, lambda u: a.T @ u, b, damping, stopping)


def system(rng: np.random.Generator, shape: tuple[int, int], is_deficient: bool) -> tuple[Array, Array]:
    a = rng.standard_normal(shape)
    if is_deficient and min(shape) > 2:
        a = a[:, :2] @ rng.standard_normal((2, shape[1]))
    return a, rng.standard_normal(shape[0])


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("damping", [0.0, 1e-3, 0.3, 100.0])
@pytest.mark.parametrize("is_deficient", [False, True], ids=["", "deficient"])
def test_the_solution(shape: tuple[int, int], damping: float, is_deficient: bool, rng: np.random.Generator) -> None:
    a, b = system(rng, shape, is_deficient)
    stacked = np.vstack([a, damping * np.eye(shape[1])])
    right = np.concatenate([b, np.zeros(shape[1])])
    exact = np.linalg.lstsq(stacked, right, rcond=1e-9)[0]
    found = solved(a, b, damping)
    assert found.stop in (Stop.COMPATIBLE, Stop.LEAST_SQUARES)
    residual = right - stacked @ found.x
    values = np.linalg.svd(stacked, compute_uv=False)
    least = values[values > 1e-9 * values[0]].min()
    error = np.linalg.norm(stacked.T @ residual) / least**2  # by how much x can be off
    assert np.linalg.norm(found.x - exact) <= 1.1 * error + 1e-12 * values[0] / least * np.linalg.norm(exact)
    assert found.residual == pytest.approx(np.linalg.norm(residual), abs=1e-11 * np.linalg.norm(b))
    assert found.slope == pytest.approx(np.linalg.norm(stacked.T @ residual), abs=1e-11 * np.linalg.norm(a.T @ b))
    assert found.norm <= (1 + 1e-6) * np.sqrt(found.steps) * np.linalg.norm(stacked)
    if not is_deficient:
        assert found.condition <= (1 + 1e-6) * np.linalg.cond(stacked)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("damping", [0.0, 0.3])
def test_it_is_scipys(shape: tuple[int, int], damping: float, rng: np.random.Generator) -> None:
    scipy_linalg = pytest.importorskip("scipy.sparse.linalg")
    a, b = system(rng, shape, False)
    for steps in (1, 2, 3):
        found = solved(a, b, damping, TIGHT._replace(steps=steps))
        peer = scipy_linalg.lsmr(a, b, damping, 1e-14, 1e-14, 1e15, maxiter=steps)
        assert found.steps == peer[2]
        np.testing.assert_allclose(found.x, peer[0], atol=1e-8 * np.abs(peer[0]).max())
        assert found.residual == pytest.approx(peer[3], abs=1e-10 * np.linalg.norm(b))
        assert found.slope == pytest.approx(peer[4], abs=1e-10 * np.linalg.norm(a.T @ b))


def test_residuals_and_slopes_fall(rng: np.random.Generator) -> None:
    a, b = system(rng, (80, 40), False)
    a *= np.geomspace(1, 1e-3, 40)
    found = [solved(a, b, 1e-3, Stopping(0, 0, np.inf, steps=steps)) for steps in range(40)]
    for name in ("residual", "slope"):
        sizes = np.array([getattr(one, name) for one in found[1:]])
        assert (np.diff(sizes) <= 1e-14 * sizes[0]).all(), name
    lengths = [np.linalg.norm(one.x) for one in found]
    assert (np.diff(lengths) >= 0).all()


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (np.ones((3, 2)), np.zeros(3)),
        (np.zeros((3, 2)), np.ones(3)),
        (np.array([[1.0], [1.0]]), np.array([1.0, -1.0])),
        (np.ones((0, 2)), np.zeros(0)),
    ],
    ids=["b", "A", "orthogonal", "no rows"],
)
def test_zero_is_the_solution(a: Array, b: Array) -> None:
    found = solved(a, b)
    assert (found.stop, found.steps, found.slope) == (Stop.ZERO, 0, 0.0)
    assert not found.x.any()
    assert found.residual == pytest.approx(np.linalg.norm(b))


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_squares_of_b_neither_vanish_nor_overflow(scale: float, rng: np.random.Generator) -> None:
    a, b = system(rng, (6, 4), False)
    expected, found = solved(a, b), solved(a, scale * b)
    np.testing.assert_allclose(found.x, scale * expected.x, rtol=1e-12)
    assert found.residual == pytest.approx(scale * expected.residual)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_product_that_is_not_finite(bad: float, rng: np.random.Generator) -> None:
    a, b = system(rng, (6, 4), False)
    a[2, 1] = bad
    with np.errstate(invalid="ignore"):
        found = solved(a, b)
    assert found.stop is Stop.NONFINITE
    assert np.isfinite(found.x).all()
    later: list[Any] = []

    def product(v: Array) -> Array:
        later.append(v)
        return np.full(6, bad) if len(later) == 3 else np.ones((6, 4)) @ v + np.eye(6, 4) @ v

    with np.errstate(invalid="ignore"):
        found = lsmr(product, lambda u: np.ones((4, 6)) @ u + np.eye(4, 6) @ u, b, 0.0, TIGHT)
    assert (found.stop, found.steps) == (Stop.NONFINITE, 2)
    assert np.isfinite(found.x).all()
    assert found.x.any()


def test_when_it_stops(rng: np.random.Generator) -> None:
    a, b = system(rng, (60, 30), False)
    exact = np.linalg.lstsq(a, b, rcond=None)[0]
    assert solved(a, a @ exact, stopping=Stopping(0, 1e-4, np.inf)).stop is Stop.COMPATIBLE
    assert solved(a, b, stopping=Stopping(1e-3, 0, np.inf)).stop is Stop.LEAST_SQUARES
    reduced = solved(a, b, stopping=Stopping(0, 0, np.inf, 0.1))
    assert reduced.stop is Stop.REDUCED
    assert reduced.slope <= 0.1 * np.linalg.norm(a.T @ b) * (1 + 1e-12)
    assert solved(a * np.geomspace(1, 1e-6, 30), b, stopping=Stopping(0, 0, 100.0)).stop is Stop.CONDITION
    few = solved(a, b, stopping=Stopping(0, 0, np.inf, steps=3))
    assert (few.stop, few.steps) == (Stop.STEPS, 3)


def test_the_bits_are_those_of_the_reference_everywhere(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With products that have the same bits everywhere."""
    diagonal, b = rng.uniform(0.5, 2, 5000), rng.standard_normal(5000)

    def product(v: Array) -> Array:
        return diagonal * v + 0.3 * np.roll(v, 1)

    def transposed(u: Array) -> Array:
        return diagonal * u + 0.3 * np.roll(u, -1)

    found = []
    for place in EVERYWHERE:
        with running(*place):
            found.append(lsmr(product, transposed, b, 0.01, TIGHT))
    for name in ("blend", "combine", "dots"):
        monkeypatch.setattr(module, name, getattr(reference, name))
    expected = lsmr(product, transposed, b, 0.01, TIGHT)
    assert expected.steps > 5
    for one in found:
        np.testing.assert_array_equal(one.x, expected.x, strict=True)
        assert one[1:] == expected[1:]
