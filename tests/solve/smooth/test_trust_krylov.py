"""Does trust-krylov find with few products what the exact step is, and where its first space lacks the way down?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from smooth_functions import Quadratic

from onepass.solve import minimize
from onepass.solve.smooth.trust_exact import exact
from onepass.solve.smooth.trust_krylov import krylov


class Counted:
    def __init__(self, h: Any) -> None:
        self.h, self.calls = h, 0

    def __call__(self, p: Any) -> Any:
        self.calls += 1
        return self.h @ p


def value(h: Any, g: Any, z: Any) -> float:
    return float(g @ z + 0.5 * z @ h @ z)


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("radius", [0.1, 1.0, 100.0])
def test_nearly_the_exact_step(seed: int, radius: float) -> None:
    """The gradient is small, so that the residual must be."""
    generator = np.random.default_rng(seed)
    quadratic = Quadratic(generator.normal(seed % 3, 2.0, 12), seed)
    h, g = quadratic.a, 1e-6 * quadratic.b
    radius *= 1e-6
    best, _, on_boundary = exact(h, g, float(g @ g), radius)
    z, r, at_boundary = krylov(h.__matmul__, g, float(g @ g), radius)
    assert at_boundary == on_boundary
    np.testing.assert_allclose(r, g + h @ z, atol=1e-20)
    assert value(h, g, z) <= value(h, g, best) * (1 - 1e-3)


def test_few_products_for_few_eigenvalues() -> None:
    """As many as there are different ones, and as many again to learn that none is negative elsewhere."""
    quadratic = Quadratic(np.repeat([1.0, 3.0, 10.0], 20))
    product, g = Counted(quadratic.a), 1e-9 * quadratic.b
    z, _, _ = krylov(product, g, float(g @ g), 1.0)
    assert product.calls == 6
    np.testing.assert_allclose(z, -1e-9 * quadratic.solution, rtol=1e-4)


def test_a_second_space_in_the_hard_case() -> None:
    """Of 50 variables, 3 eigenvalues: the gradient's space has two, the other one's all three."""
    h = np.diag(np.repeat([1.0, 3.0, -2.0], [25, 24, 1]))
    g = np.where(np.diagonal(h) > 0, 1.0, 0.0)
    product = Counted(h)
    z, _, at_boundary = krylov(product, g, float(g @ g), 10.0)
    best, _, _ = exact(h, g, float(g @ g), 10.0)
    assert at_boundary
    assert product.calls <= 5
    assert np.linalg.norm(z) == pytest.approx(10.0)
    assert value(h, g, z) == pytest.approx(value(h, g, best), rel=1e-9)


def test_more_vectors_than_first_places() -> None:
    quadratic = Quadratic(np.logspace(0, 4, 60))
    g = 1e-8 * quadratic.b
    product = Counted(quadratic.a)
    z, _, _ = krylov(product, g, float(g @ g), 1.0)
    assert 16 < product.calls <= 60
    assert np.linalg.norm(g + quadratic.a @ z) <= np.linalg.norm(g) * np.linalg.norm(g) ** 0.5 * 1.01


@pytest.mark.parametrize("method", ["trust-exact", "trust-krylov"])
def test_a_start_from_which_the_gradient_leads_to_a_saddle(method: str) -> None:
    """x^4/4 - x^2/2 + y^2/2 from x = 0, where the gradient has no share in the way down."""

    def fun(x: Any) -> tuple[float, Any]:
        return x[0] ** 4 / 4 - x[0] ** 2 / 2 + x[1] ** 2 / 2, np.array([x[0] ** 3 - x[0], x[1]])

    found = minimize(fun, [0.0, 1.0], jac=True, hess=lambda x: np.diag([3 * x[0] ** 2 - 1, 1.0]), method=method)
    assert found.success
    np.testing.assert_allclose(np.abs(found.x), [1, 0], atol=1e-4)
    assert found.fun == pytest.approx(-0.25)
