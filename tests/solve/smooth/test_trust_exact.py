"""Is the step of trust-exact the global minimizer of its model in the ball, in the hard case too?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from smooth_functions import Quadratic

from onepass.solve.smooth.trust_exact import exact
from onepass.solve.smooth.trust_krylov import krylov


def solved(h: Any, g: Any, radius: float, by: str = "exact") -> tuple[Any, bool]:
    """The step; trust-krylov's of a gradient and a radius so small that the residual must be small beside them."""
    scale = 1.0 if by == "exact" else 1e-24
    h, g = np.asarray(h, float), scale * np.asarray(g, float)
    z, r, at_boundary = (
        exact(h, g, float(g @ g), radius) if by == "exact" else krylov(h.__matmul__, g, float(g @ g), scale * radius)
    )
    np.testing.assert_allclose(r, g + h @ z, atol=1e-12 * scale * (1 + np.abs(h).max()))
    z = z / scale
    assert np.linalg.norm(z) <= radius * (1 + 1e-12)
    return z, at_boundary


def assert_is_global(h: Any, g: Any, z: Any, radius: float, accuracy: float = 1e-9) -> None:
    """(H + m) z = -g, m >= 0 and 0 inside, H + m positive semidefinite (More and Sorensen, lemmas 2.1 and 2.3)."""
    h, g = np.asarray(h, float), np.asarray(g, float)
    size = np.abs(h).max() + np.abs(g).max()
    m = -float(z @ (g + h @ z)) / float(z @ z)
    np.testing.assert_allclose(h @ z + m * z, -g, atol=accuracy * size)
    assert m >= -accuracy * size
    assert np.linalg.eigvalsh(h)[0] + m >= -accuracy * size
    if np.linalg.norm(z) < radius * (1 - 1e-9):
        assert abs(m) <= accuracy * size


#: By hand: H, g, the radius, where the minimizer is (up to the sign of the coordinates that are told), whether it is on
#: the boundary. The first eigenvector has no share in g where the case is hard.
CASES: dict[str, tuple[Any, Any, float, Any, bool]] = {
    # z = -g / (1 + m), of length 5 / (1 + m) = 1.
    "a ball cuts": (np.eye(2), [3.0, 4.0], 1.0, [-0.6, -0.8], True),
    "inside": (np.diag([1.0, 2.0]), [1.0, 2.0], 10.0, [-1.0, -1.0], False),
    # m = 2: the second coordinate is -1 / (1 + 2), the first is what is missing to the radius.
    "hard": (np.diag([-2.0, 1.0]), [0.0, 1.0], 1.0, [np.sqrt(8) / 3, -1 / 3], True),
    # m = 2 as well, the lowest eigenvalue twice: any vector of its space.
    "hard, twice": (np.diag([-2.0, -2.0, 1.0]), [0.0, 0.0, 3.0], 2.0, [np.sqrt(3), 0.0, -1.0], True),
    # g has no share, but its own way reaches the boundary with m = 4 already: z = -5 / (1 + 4).
    "not as hard as it looks": (np.diag([-2.0, 1.0]), [0.0, 5.0], 1.0, [0.0, -1.0], True),
    # Singular and consistent: the shortest minimizer, which is inside.
    "singular": (np.diag([0.0, 2.0]), [0.0, 1.0], 3.0, [0.0, -0.5], False),
    # Singular and unbounded along the first axis.
    "singular, to the boundary": (np.diag([0.0, 1.0]), [1.0, 0.0], 2.0, [-2.0, 0.0], True),
    "one variable, concave": ([[-1.0]], [0.5], 2.0, [-2.0], True),
}


@pytest.mark.parametrize("by", ["exact", "krylov"])
@pytest.mark.parametrize("name", CASES)
def test_cases_by_hand(name: str, by: str) -> None:
    h, g, radius, known, on_boundary = CASES[name]
    z, at_boundary = solved(h, g, radius, by)
    assert at_boundary is on_boundary
    hard = name.startswith("hard")
    lowest = np.linalg.eigvalsh(h)[0]
    space = np.isclose(np.diagonal(np.asarray(h)), lowest)
    if hard:
        assert np.linalg.norm(z[space]) == pytest.approx(np.linalg.norm(np.asarray(known)[space]), rel=1e-9)
        np.testing.assert_allclose(z[~space], np.asarray(known)[~space], rtol=1e-9)
    else:
        np.testing.assert_allclose(z, known, atol=1e-9)
    assert_is_global(h, g, z, radius)


@pytest.mark.parametrize("tilt", [0.0, 1e-300, 1e-17, 1e-12, 1e-6, 1.0])
def test_towards_the_hard_case(tilt: float) -> None:
    """However little of the first eigenvector is in g, the length is the radius and the multiplier right."""
    z, at_boundary = solved(np.diag([-2.0, 1.0, 3.0]), [tilt, 1.0, 1.0], 1.5)
    assert at_boundary
    assert np.linalg.norm(z) == pytest.approx(1.5, rel=1e-12)
    assert z[0] != 0
    assert z[0] <= 0 or tilt == 0
    assert_is_global(np.diag([-2.0, 1.0, 3.0]), [tilt, 1.0, 1.0], z, 1.5)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("radius", [1e-6, 0.1, 1.0, 100.0])
def test_indefinite_matrices(seed: int, radius: float) -> None:
    generator = np.random.default_rng(seed)
    quadratic = Quadratic(generator.normal(seed % 3, 2.0, 7), seed)
    z, _ = solved(quadratic.a, quadratic.b, radius)
    assert_is_global(quadratic.a, quadratic.b, z, radius)


def test_the_precision_is_that_of_the_gradient() -> None:
    z, r, _ = exact(np.eye(2, dtype=np.float32), np.ones(2, np.float32), 2.0, 9.0)
    assert z.dtype == r.dtype == np.float32
