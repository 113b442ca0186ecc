"""Has a whole solve the same bits by every team on every instruction set, if the objective has?"""

from __future__ import annotations

import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from cases import EVERYWHERE

from onepass.arrays import Array
from onepass.selftest.places import running
from onepass.solve import least_squares, minimize
from onepass.solve.smooth.conjugate_gradient import BETAS

DENSE = ("bfgs", "dfp")
VARIANTS = [
    *((method, {}) for method in ("lbfgs", "gd", "newton-cg", "trust-ncg", *DENSE)),
    *(("cg", {"beta": beta}) for beta in BETAS),
]


def rosenbrock(x: Array) -> tuple[float, Array]:
    """Extended, without BLAS, which may add up in another order."""
    a, b = x[0::2], x[1::2]
    c, e = b - a * a, 1 - a
    g = np.empty_like(x)
    g[0::2], g[1::2] = -400 * a * c - 2 * e, 200 * c
    return float((100 * c * c + e * e).sum()), g


def paths_everywhere(solve: Callable[[Callable[..., object]], object]) -> list[list[Array]]:
    """What the callback sees, for each instruction set and team."""
    paths = []
    for place in EVERYWHERE:
        path: list[Array] = []
        with running(*place):
            solve(path.append)
        paths.append(path)
    return paths


def assert_all_the_same(paths: list[list[Array]]) -> None:
    assert len(paths[0]) > 4
    for path in paths[1:]:
        for point, first in zip(path, paths[0], strict=True):
            np.testing.assert_array_equal(point, first, strict=True)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("method", "options"), VARIANTS, ids=str)
def test_minimize(method: str, options: dict[str, Any], dtype: type) -> None:
    size = 600 if method in DENSE else 40_000
    x0 = (np.resize([-1.2, 1.0], size) + 0.1 * np.sin(np.arange(size))).astype(dtype)
    chosen = {"maxiter": 6} | options
    assert_all_the_same(
        paths_everywhere(lambda see: minimize(rosenbrock, x0, jac=True, method=method, callback=see, options=chosen))
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_minimize_within_bounds(dtype: type) -> None:
    x0 = (np.resize([-1.2, 1.0], 40_000) + 0.1 * np.sin(np.arange(40_000))).astype(dtype)
    box = SimpleNamespace(lb=-math.inf, ub=np.where(np.arange(40_000) % 3, math.inf, 0.9))
    assert_all_the_same(
        paths_everywhere(
            lambda see: minimize(rosenbrock, x0, jac=True, bounds=box, callback=see, options={"maxiter": 6})
        )
    )


@pytest.mark.parametrize("method", ["lm", "gauss-newton", "dogleg"])
def test_least_squares(method: str) -> None:
    t = np.linspace(0, 4, 2000)
    y = 2 * np.exp(-1.3 * t) + 0.5 + 0.05 * np.sin(40 * t)
    assert_all_the_same(
        paths_everywhere(
            lambda see: least_squares(
                lambda x: x[0] * np.exp(-x[1] * t) + x[2] - y, [1.0, 1.0, 0.0], method=method, callback=see
            )
        )
    )
