"""Are long vectors and real problems minimized? Rosenbrock's function, a logistic regression, a network."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from smooth_functions import rosenbrock, rosenbrock_start

from onepass.solve import LBFGS, minimize

HESSIAN_FREE = ("lbfgs", "cg")


@pytest.mark.parametrize("method", [*HESSIAN_FREE, "newton-cg", "trust-ncg"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rosenbrock_of_ten_thousand(method: str, dtype: type) -> None:
    options = {"ftol": 0.0} if method == "lbfgs" else {}
    result = minimize(rosenbrock, rosenbrock_start(10_000, dtype), jac=True, method=method, options=options)
    assert result.success
    np.testing.assert_allclose(result.x, 1, atol=1e-3 if dtype == np.float64 else 2e-2)


@pytest.mark.slow
@pytest.mark.parametrize("method", HESSIAN_FREE)
def test_rosenbrock_of_a_million(method: str) -> None:
    options = {"ftol": 0.0} if method == "lbfgs" else {}
    result = minimize(rosenbrock, rosenbrock_start(1_000_000), jac=True, method=method, options=options)
    assert result.success
    assert result.nfev < 200
    np.testing.assert_allclose(result.x, 1, atol=1e-4)


@pytest.fixture(scope="module")
def digits() -> tuple[Any, Any]:
    datasets = pytest.importorskip("sklearn.datasets")
    images, labels = datasets.load_digits(return_X_y=True)
    return images[:600] / 16, labels[:600]


class Softmax:
    """Logistic regression in ten classes, averaged over images of digits, with a squared penalty: strictly convex."""

    def __init__(self, images: Any, labels: Any, penalty: float = 1e-3) -> None:
        self.images, self.penalty = np.column_stack([images, np.ones(len(images))]), penalty
        self.wanted = np.eye(10)[labels]

    def __call__(self, w: Any) -> tuple[float, Any]:
        weights = w.reshape(-1, 10)
        scores = self.images @ weights
        scores -= scores.max(1, keepdims=True)
        log_sums = np.log(np.exp(scores).sum(1, keepdims=True))
        loss = ((log_sums - scores) * self.wanted).sum() / len(scores)
        error = (np.exp(scores - log_sums) - self.wanted) / len(scores)
        gradient = self.images.T @ error + self.penalty * weights
        return float(loss + self.penalty / 2 * (w @ w)), gradient.ravel()


@pytest.mark.parametrize("method", ["lbfgs", "bfgs", "cg", "newton-cg", "trust-ncg"])
def test_logistic_regression(method: str, digits: tuple[Any, Any]) -> None:
    """All find the one minimum: at a point of a strongly convex function the gap is at most |g|^2 / (2 penalty)."""
    optimize = pytest.importorskip("scipy.optimize")
    fun = Softmax(*digits)
    options = {"gtol": 1e-5} | ({"ftol": 0.0} if method == "lbfgs" else {})
    result = minimize(fun, np.zeros(65 * 10), jac=True, method=method, options=options)
    assert result.success
    gap = result.jac @ result.jac / (2 * fun.penalty)
    assert gap < 1e-5
    peer = optimize.minimize(fun, np.zeros(65 * 10), jac=True, method="L-BFGS-B", options={"gtol": 1e-6, "ftol": 0.0})
    assert result.fun == pytest.approx(peer.fun, abs=2 * gap + 1e-8)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_small_network(dtype: type, digits: tuple[Any, Any]) -> None:
    """64-10-10 with a hyperbolic tangent, on 300 digits: L-BFGS fits them all."""
    images, labels = digits[0][:300].astype(dtype), digits[1][:300]
    rng = np.random.default_rng(0)
    shapes = [(64, 10), (10,), (10, 10), (10,)]
    params = [(0.3 * rng.standard_normal(shape)).astype(dtype) for shape in shapes]
    wanted = np.eye(10, dtype=dtype)[labels]

    def closure() -> tuple[float, list[Any]]:
        a, b, c, d = params
        hidden = np.tanh(images @ a + b)
        scores = hidden @ c + d
        scores = scores - scores.max(1, keepdims=True)
        log_sums = np.log(np.exp(scores).sum(1, keepdims=True))
        error = (np.exp(scores - log_sums) - wanted) / len(images)
        back = (error @ c.T) * (1 - hidden**2)
        loss = ((log_sums - scores) * wanted).sum() / len(images)
        return float(loss), [images.T @ back, back.sum(0), hidden.T @ error, error.sum(0)]

    opt = LBFGS(params)
    losses = [opt.step(closure) for _ in range(10)]
    assert losses == sorted(losses, reverse=True)
    assert losses[0] > 2
    assert closure()[0] < 1e-2


def test_as_few_calls_as_scipys() -> None:
    """In sum over starts: BFGS, L-BFGS and conjugate gradients."""
    optimize = pytest.importorskip("scipy.optimize")
    rng = np.random.default_rng(0)
    for method, peer in (("bfgs", "BFGS"), ("lbfgs", "L-BFGS-B"), ("cg", "CG")):
        own = others = 0
        for size in (2, 4, 10, 20):
            for _ in range(5):
                x0 = rosenbrock_start(size) + 0.3 * rng.standard_normal(size)
                result = minimize(rosenbrock, x0, jac=True, method=method)
                assert result.success
                own += result.nfev
                others += optimize.minimize(rosenbrock, x0, jac=True, method=peer).nfev
        assert own <= 1.05 * others, f"{method}: {own} calls, {others} by SciPy"
