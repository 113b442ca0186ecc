"""Does `onepass.solve.smooth.minimize` take the path of its references, and do these do what theory says?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from more_garbow_hillstrom import PROBLEMS
from paths import assert_followed
from smooth_functions import Quadratic, rosenbrock, rosenbrock_hessian, rosenbrock_start

from onepass.arrays import Array
from onepass.reference import textbook as reference
from onepass.reference.textbook.newton import modified_cholesky
from onepass.solve import minimize
from onepass.solve.smooth.conjugate_gradient import BETAS
from onepass.solve.smooth.methods import METHODS, WITH_MATRIX, WITH_PRODUCTS
from onepass.solve.smooth.newton import modification

#: Every method, conjugate gradients with every beta, L-BFGS with less memory than steps, and a small ball.
VARIANTS = [
    *((method, {}) for method in METHODS),
    *(("cg", {"beta": beta}) for beta in BETAS),
    ("lbfgs", {"maxcor": 3}),
    ("trust-ncg", {"initial_trust_radius": 0.1, "max_trust_radius": 0.5, "eta": 0.0}),
]
NEED_HESSIAN = (*WITH_MATRIX, *WITH_PRODUCTS)
STEPS = 15
WOOD = PROBLEMS["wood"]
QUADRATIC = Quadratic(np.logspace(0, 4, 8), seed=3)


def wood(x: Array) -> tuple[float, Array]:
    return WOOD.squares(x), WOOD.gradient(x)


def wood_hessian(x: Array) -> Array:
    """Exact: the gradient is a polynomial, which tells its derivative along a tiny imaginary step."""
    tiny = 1e-30
    return np.array([WOOD.gradient(x + tiny * 1j * e).imag / tiny for e in np.eye(x.size)])


#: The value with the gradient, the start and the Hessian; and the fewest steps before rounding may hide the path.
CASES: dict[str, tuple[Callable[[Array], Any], Array, Callable[[Array], Array], int]] = {
    "rosenbrock-2": (rosenbrock, rosenbrock_start(2), rosenbrock_hessian, 8),
    "rosenbrock-10": (rosenbrock, np.sin(np.arange(10)), rosenbrock_hessian, 12),  # indefinite at first
    "rosenbrock-2, elsewhere": (rosenbrock, np.array([-1.0, 2.2]), rosenbrock_hessian, 8),  # indefinite, poor gains
    "wood": (wood, WOOD.start, wood_hessian, 12),
    "badly scaled": (QUADRATIC, np.ones(8), QUADRATIC.hessian, 2),  # in which Newton's methods need 3 steps
}


def path(method: str, fun: Any, x0: Array, hess: Any, **options: Any) -> list[Array]:
    """Of onepass.solve, with the start."""
    points = [x0]
    stop_never = {"gtol": 0.0} | ({"ftol": 0.0} if method == "lbfgs" else {})
    minimize(
        fun,
        x0,
        jac=True,
        hess=hess if method in NEED_HESSIAN else None,
        method=method,
        callback=points.append,
        options={"maxiter": STEPS} | stop_never | options,
    )
    return points


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(("method", "options"), VARIANTS, ids=str)
def test_the_path_is_the_references(method: str, options: dict[str, Any], case: str) -> None:
    fun, x0, hess, steps = CASES[case]
    assert_followed(
        path(method, fun, x0, hess, **options),
        lambda f: reference.minimize(f, x0, method, iterations=STEPS, hess=hess, **options),
        [fun],
        steps,
    )


@pytest.mark.parametrize("method", ["lbfgs", "bfgs", "cg", "gd"])
def test_the_path_of_a_logistic_regression(method: str) -> None:
    """Ten classes of the digits that come along, with a squared penalty."""
    digits = pytest.importorskip("onepass.lab.data.digits").digits()
    images, labels = digits.train.inputs[:300].astype(float), digits.train.labels[:300]

    def fun(w: Array) -> tuple[float, Array]:
        scores = images @ w.reshape(64, 10)
        scores -= scores.max(1, keepdims=True)
        chances = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
        loss = -np.log(chances[np.arange(300), labels]).mean() + 5e-4 * (w @ w)
        return float(loss), (images.T @ (chances - np.eye(10)[labels])).ravel() / 300 + 1e-3 * w

    x0 = np.zeros(640)
    found = path(method, fun, x0, None)
    assert_followed(found, lambda f: reference.minimize(f, x0, method, iterations=STEPS), [fun], 12)


#: Four distinct eigenvalues, hence four steps.
FOUR = Quadratic(np.repeat([1.0, 3.0, 10.0, 20.0], 3))
EXACT = {"c1": 1e-10, "c2": 1e-10}


@pytest.mark.parametrize(
    ("method", "options"), [*(("cg", {"beta": beta}) for beta in BETAS), ("bfgs", {}), ("dfp", {}), ("lbfgs", {})]
)
def test_exact_searches_end_in_as_many_steps_as_eigenvalues(method: str, options: dict[str, Any]) -> None:
    """On the path of linear conjugate gradients, all of them (Nocedal and Wright 2006, theorems 5.4 and 6.4)."""
    points = reference.minimize(FOUR, np.zeros(12), method, iterations=4, **(EXACT | {"c2": 1e-9}), **options)
    x, r = np.zeros(12), FOUR.b
    d = r
    for point in points[1:]:
        alpha = r @ r / (d @ FOUR.a @ d)
        x, rest = x + alpha * d, r - alpha * FOUR.a @ d
        d, r = rest + rest @ rest / (r @ r) * d, rest
        np.testing.assert_allclose(point, x, atol=1e-8)
    np.testing.assert_allclose(points[-1], FOUR.solution, atol=1e-8)


def test_newton_takes_one_step_and_its_truncated_relatives_few() -> None:
    near = FOUR.solution + 1e-3 * FOUR.b
    for method, steps in (("newton", 1), ("newton-cg", 4), ("trust-ncg", 4), ("trust-exact", 1), ("trust-krylov", 4)):
        points = reference.minimize(FOUR, near, method, iterations=steps, hess=FOUR.hessian)
        np.testing.assert_allclose(points[-1], FOUR.solution, atol=1e-11, err_msg=method)


@pytest.mark.parametrize("seed", range(5))
def test_the_modified_factorization_is_one(seed: int) -> None:
    """Of H plus a diagonal that is 0 for a positive definite H and makes any other one so; the one of `minimize`."""
    root = np.random.default_rng(seed).standard_normal((6, 6))
    singular = root[:, :3] @ root[:, :3].T
    hollow = np.tril(root, -1) + np.tril(root, -1).T
    for h, is_positive in (
        (root @ root.T + np.eye(6), True),
        (root + root.T, False),
        (singular, False),
        (hollow, False),
    ):
        lower, d, order = modified_cholesky(h)
        made = np.empty_like(h)
        made[np.ix_(order, order)] = lower @ np.diag(d) @ lower.T
        added = np.diag(made - h)
        np.testing.assert_allclose(made, h + np.diag(added), atol=1e-12)
        assert np.linalg.eigvalsh(made).min() > 0
        assert added.min() > -1e-14
        assert (added.max() < 1e-14) == is_positive
        np.testing.assert_allclose(added, modification(h), rtol=1e-9, atol=1e-14)
