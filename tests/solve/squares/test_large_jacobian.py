"""Do large Jacobians multiply as arrays do, and least_squares with them without SciPy?"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

from onepass.arrays import Array
from onepass.solve import least_squares
from onepass.solve.squares.large_jacobian import MatrixJacobian, OperatorJacobian, large_jacobian
from onepass.solve.squares.lsmr import Stopping

USUAL = Stopping()


class Multiplies:
    """No more than `@` and `.T`, as lists and in single precision."""

    def __init__(self, matrix: Array, kind: Any = np.asarray) -> None:
        self._matrix, self._kind, self.shape = matrix, kind, matrix.shape

    def __matmul__(self, v: Array) -> Any:
        return self._kind(self._matrix @ v)

    @property
    def T(self) -> Multiplies:
        return Multiplies(self._matrix.T, self._kind)


class Operator:
    """As operators of SciPy's: matvec and rmatvec."""

    def __init__(self, matrix: Array) -> None:
        self._matrix, self.shape = matrix, matrix.shape

    def matvec(self, v: Array) -> Array:
        return self._matrix @ v

    def rmatvec(self, u: Array) -> Array:
        return self._matrix.T @ u


def kinds(matrix: Array) -> list[Any]:
    return [
        MatrixJacobian(matrix, USUAL),
        large_jacobian(Operator(matrix), matrix.shape, USUAL, None),
        large_jacobian(Multiplies(matrix), matrix.shape, USUAL, None),
        large_jacobian(Multiplies(matrix, list), matrix.shape, USUAL, None),
    ]


def test_they_multiply(rng: np.random.Generator) -> None:
    matrix, rows = rng.standard_normal((7, 4)), rng.uniform(1, 2, 7)
    v, u = rng.standard_normal(4), rng.standard_normal(7)
    for jac in kinds(matrix):
        for own, exact in (
            (jac, matrix),
            (jac.with_rows(rows), matrix * rows[:, None]),
            (jac.with_rows(rows).with_rows(rows), matrix * rows[:, None] ** 2),
        ):
            assert own.shape == (7, 4)
            np.testing.assert_allclose(own.product(v), exact @ v)
            np.testing.assert_allclose(own.transposed(u), exact.T @ u)
            given = own.of_user()
            np.testing.assert_allclose(
                np.asarray(given @ v if hasattr(given, "__matmul__") else given.matvec(v)), exact @ v
            )


def test_columns_of_fixed_parameters_are_zero(rng: np.random.Generator) -> None:
    matrix = rng.standard_normal((7, 4))
    free = np.array([0, 2, 3])
    expected = matrix.copy()
    expected[:, 1] = 0
    jac = large_jacobian(Operator(matrix), (7, 4), USUAL, free)
    for one in (jac.of_user(), jac.of_user().T.T):
        np.testing.assert_allclose(np.column_stack([one @ unit for unit in np.eye(4)]), expected)
    assert jac.norms()[1] == 0


def test_what_products_return_is_checked() -> None:
    for returned, error in ((np.ones(3), ValueError), (np.ones(2) * 1j, TypeError), (None, TypeError)):
        jac = OperatorJacobian(Multiplies(np.ones((2, 2)), lambda _, r=returned: r), (2, 2), USUAL)
        with pytest.raises(error, match="jac's matvec must return an array of"):
            jac.product(np.ones(2))
        with pytest.raises(error, match="jac's rmatvec must return an array of"):
            jac.transposed(np.ones(2))


def test_buffers_of_operators(rng: np.random.Generator) -> None:
    """They may return the same one each time, or what they were given; they cannot write to that."""
    matrix, buffer = rng.standard_normal((4, 4)), np.empty(4)

    def into(found: Array) -> Array:
        buffer[:] = found
        return buffer

    jac = OperatorJacobian(Multiplies(matrix, into), (4, 4), USUAL)
    v, u = rng.standard_normal(4), rng.standard_normal(4)
    first, second = jac.product(v), jac.transposed(u)
    np.testing.assert_array_equal(first, matrix @ v)
    np.testing.assert_array_equal(second, matrix.T @ u)

    class Writes(Operator):
        def matvec(self, v: Array) -> Array:
            v *= 2
            return v

    with pytest.raises(ValueError, match="read-only"):
        OperatorJacobian(Writes(matrix), (4, 4), USUAL).product(v)
    with np.errstate(all="raise"):
        fit = least_squares(lambda x: x - v, np.zeros(4), lambda x: Multiplies(np.eye(4), into), tr_solver="lsmr")
    np.testing.assert_allclose(fit.x, v, rtol=1e-12)


@pytest.mark.parametrize("kind", [Operator, Multiplies, np.asarray])
def test_without_scipy(kind: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "scipy"]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, "scipy", None)
    monkeypatch.setitem(sys.modules, "scipy.sparse", None)
    n = 400

    def f(x: Array) -> Array:
        return x**3 + 0.1 * np.roll(x, 1) - 1

    def jac(x: Array) -> Any:
        return kind(np.diag(3 * x**2) + 0.1 * np.roll(np.eye(n), 1, axis=0))

    for solver in (None, "lsmr"):
        fit = least_squares(f, np.linspace(0.5, 2, n), jac, tr_solver=solver, max_nfev=30 if solver else 4)
        assert fit.success or not solver
    assert fit.cost < 1e-25
