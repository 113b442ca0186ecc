"""Does least_squares keep large sparse Jacobians and operators as they are, and find what it finds with dense ones?"""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from cases import shown
from more_garbow_hillstrom import PROBLEMS

from onepass.arrays import Array
from onepass.solve import Status, confidence_interval, covariance, fit_report, least_squares
from onepass.solve.squares.large_jacobian import LARGE, OperatorJacobian

sparse = pytest.importorskip("scipy.sparse")
linalg = pytest.importorskip("scipy.sparse.linalg")

METHODS = pytest.mark.parametrize("method", ["lm", "dogleg", "gauss-newton"])
N = 2000
START = -np.ones(N)
SPARSITY = sparse.diags_array([np.ones(N), np.ones(N - 1), np.ones(N - 1)], offsets=[0, -1, 1])


def broyden(x: Array) -> Array:
    """Broyden's tridiagonal function."""
    f = (3 - x) * x + 1
    f[1:] -= x[:-1]
    f[:-1] -= 2 * x[1:]
    return f


def of_broyden(x: Array) -> Any:
    return sparse.diags_array([3 - 2 * x, -np.ones(x.size - 1), -2 * np.ones(x.size - 1)], offsets=[0, -1, 1]).tocsr()


class Multiplies:
    """No more than `@` and `.T`."""

    def __init__(self, matrix: Any) -> None:
        self._matrix, self.shape = matrix, matrix.shape

    def __matmul__(self, v: Array) -> Any:
        return self._matrix @ v

    @property
    def T(self) -> Multiplies:
        return Multiplies(self._matrix.T)


#: What jac may make of a sparse matrix.
KINDS: dict[str, Callable[[Any], Any]] = {
    "csr": lambda j: j,
    "csc": lambda j: j.tocsc(),
    "coo": lambda j: j.tocoo(),
    "matrix": sparse.csr_matrix,
    "operator": linalg.aslinearoperator,
    "@": Multiplies,
}


@METHODS
@pytest.mark.parametrize("kind", KINDS)
def test_what_jac_returns(kind: str, method: str) -> None:
    fit = least_squares(broyden, START, lambda x: KINDS[kind](of_broyden(x)), method=method)
    assert fit.success
    assert fit.cost < 1e-26
    assert fit.optimality < 1e-11
    assert fit.njev <= 10
    assert fit.nfev == fit.njev + 1
    if kind in ("operator", "@"):
        np.testing.assert_allclose(fit.jac @ START, of_broyden(fit.x) @ START)
    else:
        assert sparse.issparse(fit.jac)
        np.testing.assert_allclose((fit.jac - of_broyden(fit.x)).data, 0, atol=1e-8)
    np.testing.assert_allclose(fit.grad, of_broyden(fit.x).T @ fit.fun, atol=1e-14)


@METHODS
@pytest.mark.parametrize("scheme", [None, "2-point", "3-point", "cs"])
def test_differences_of_a_sparsity(scheme: Any, method: str) -> None:
    fit = least_squares(broyden, START, scheme, method=method, jac_sparsity=SPARSITY)
    assert fit.success
    assert fit.cost < 1e-24
    assert sparse.issparse(fit.jac)
    assert fit.jac.nnz == 3 * N - 2
    np.testing.assert_allclose(fit.jac.toarray(), of_broyden(fit.x).toarray(), rtol=1e-6)
    assert fit.nfev <= 7 * 10


@pytest.mark.parametrize("scheme", ["2-point", "3-point", "cs"])
def test_differences_have_the_bits_of_small_ones(scheme: Any) -> None:
    """The same calls and numbers, whether the Jacobian stays sparse or not."""
    n = 120
    seen: list[list[Array]] = [[], []]

    def counted(x: Array, at: int) -> Array:
        seen[at].append(x)
        return broyden(x)

    start = np.linspace(-2, 1, n)
    structure = SPARSITY.toarray()[:n, :n]
    fits = [
        least_squares(counted, start, scheme, args=(at,), jac_sparsity=structure, tr_solver=solver, max_nfev=12)
        for at, solver in enumerate((None, "lsmr"))
    ]
    assert all(fit.njev >= 1 for fit in fits)
    first = 1 + 3 * (2 if scheme == "3-point" else 1)
    np.testing.assert_array_equal(seen[0][:first], seen[1][:first], strict=True)
    numbers = [
        least_squares(broyden, start, scheme, jac_sparsity=structure, tr_solver=solver, max_nfev=first).jac.toarray()
        for solver in (None, "lsmr")
    ]
    np.testing.assert_array_equal(*numbers, strict=True)


def test_memory_is_that_of_the_numbers() -> None:
    """An array of them would take 3.2 GB, and that of the structure 0.4."""
    n = 20_000
    structure = sparse.diags_array([np.ones(n)] + [np.ones(n - 1)] * 2, offsets=[0, -1, 1])
    tracemalloc.start()
    try:
        for options in ({"jac": of_broyden}, {"jac_sparsity": structure}):
            tracemalloc.reset_peak()
            fit = least_squares(broyden, -np.ones(n), **options)
            assert fit.cost < 1e-24
            assert tracemalloc.get_traced_memory()[1] < 100 * 3 * n * 8
    finally:
        tracemalloc.stop()


def test_small_ones_are_dense_as_before() -> None:
    n = int(LARGE**0.5)
    dense = least_squares(broyden, -np.ones(n), lambda x: of_broyden(x).toarray(), max_nfev=3)
    few = least_squares(broyden, -np.ones(n), of_broyden, max_nfev=3)
    np.testing.assert_array_equal(few.x, dense.x, strict=True)
    assert sparse.issparse(few.jac)
    assert "rank" in few
    assert "rank" not in least_squares(broyden, -np.ones(n + 1), of_broyden, max_nfev=3)


@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid")
@pytest.mark.parametrize("method", ["lm", "dogleg"])
@pytest.mark.parametrize("name", PROBLEMS)
def test_more_garbow_and_hillstrom_by_lsmr(name: str, method: str) -> None:
    problem = PROBLEMS[name]
    fit = least_squares(problem.residual, problem.start, problem.jacobian, method=method, tr_solver="lsmr")
    assert min(abs(2 * fit.cost - f) / max(f, 1e-10) for f in problem.minima) < 1e-6
    assert fit.success
    assert isinstance(fit.jac, np.ndarray)


@pytest.mark.parametrize("loss", ["huber", "soft_l1", "cauchy", "arctan"])
@pytest.mark.parametrize("kind", ["csr", "operator"])
def test_losses(loss: Any, kind: str) -> None:
    """A smooth curve through points of which some are far off."""
    n = 400
    t = np.linspace(0, 3, n)
    data = np.sin(t) + np.where(np.arange(n) % 17 == 3, 2.0, 0.0)
    rough = sparse.diags_array([np.ones(n), -2 * np.ones(n), np.ones(n)], offsets=[0, 1, 2], shape=(n - 2, n))
    matrix = sparse.vstack([sparse.eye_array(n), 30 * rough]).tocsr()
    right = np.concatenate([data, np.zeros(n - 2)])

    def run(of_matrix: Callable[[Any], Any]) -> Any:
        jac = of_matrix(matrix)
        return least_squares(lambda x: matrix @ x - right, data, lambda x: jac, loss=loss, f_scale=0.1)

    fit, dense = run(KINDS[kind]), run(lambda j: j.toarray())
    assert fit.success
    assert fit.cost == pytest.approx(dense.cost, rel=1e-9)
    np.testing.assert_allclose(fit.x, dense.x, atol=1e-5)
    np.testing.assert_allclose(fit.grad, dense.grad, atol=1e-6)
    v = np.cos(t)
    np.testing.assert_allclose(fit.jac @ v, dense.jac @ v, atol=1e-4)
    u = np.cos(np.arange(2 * n - 2))
    np.testing.assert_allclose(fit.jac.T @ u, dense.jac.T @ u, atol=1e-4)
    if kind == "operator":
        assert isinstance(linalg.aslinearoperator(fit.jac), linalg.LinearOperator)


@METHODS
@pytest.mark.parametrize("given", ["jac", "operator", "sparsity"])
def test_bounds_and_fixed_parameters(method: str, given: str) -> None:
    free = least_squares(broyden, START, of_broyden).x
    lower, upper = np.full(N, -np.inf), np.full(N, np.inf)
    lower[::3], upper[1::3] = -0.9, -0.6
    lower[7] = upper[7] = -0.8
    start = np.clip(START, lower, upper)
    seen: list[Array] = []

    def kept(x: Array) -> Array:
        seen.append(x)
        return broyden(x)

    options: dict[str, Any] = {
        "jac": {"jac": of_broyden},
        "operator": {"jac": lambda x: linalg.aslinearoperator(of_broyden(x))},
        "sparsity": {"jac_sparsity": SPARSITY, "jac": "3-point"},
    }[given]
    fit = least_squares(kept, start, bounds=(lower, upper), method=method, **options)
    assert all((x >= lower).all() and (x <= upper).all() for x in seen)
    assert fit.x[7] == -0.8
    assert ((fit.x >= lower) & (fit.x <= upper)).all()
    assert fit.active_mask[7] == -1
    assert fit.optimality < 2e-6
    assert fit.success
    unit = np.zeros(N)
    unit[7] = 1
    assert not (fit.jac @ unit).any()
    assert np.abs(fit.x - free).max() > 0.01
    peer = pytest.importorskip("scipy.optimize").least_squares(
        broyden, np.clip(fit.x, lower, upper + (lower == upper)), of_broyden,
        bounds=(lower, upper + 1e-9 * (lower == upper)), x_scale="jac", tr_solver="lsmr", max_nfev=50,
    )  # fmt: skip
    assert fit.cost <= peer.cost * (1 + 1e-6)


@pytest.mark.parametrize("scheme", [None, "2-point", "3-point", "cs"])
def test_a_fixed_parameter_of_a_small_sparsity(scheme: Any) -> None:
    lower, upper = np.full(6, -5.0), np.full(6, 5.0)
    lower[2] = upper[2] = -0.5
    start = np.where(lower == upper, -0.5, -1.0)
    structure = SPARSITY.toarray()[:6, :6]
    fit = least_squares(broyden, start, scheme, bounds=(lower, upper), jac_sparsity=structure)
    exact = least_squares(broyden, start, lambda x: of_broyden(x).toarray(), bounds=(lower, upper))
    assert fit.success
    np.testing.assert_allclose(fit.x, exact.x, rtol=1e-6)
    np.testing.assert_allclose(fit.jac.toarray(), exact.jac, atol=1e-6)
    assert not fit.jac.toarray()[:, 2].any()


def test_the_scale_of_columns() -> None:
    """Parameters in other units take the same steps, where the columns are known; estimates come near."""
    units = np.geomspace(1e-6, 1e6, N)
    plain = least_squares(broyden, START, of_broyden)
    scaled = sparse.diags_array(units)
    fit = least_squares(lambda y: broyden(y * units), START / units, lambda y: of_broyden(y * units) @ scaled)
    assert fit.success
    assert abs(fit.nit - plain.nit) <= 1
    np.testing.assert_allclose(fit.x * units, plain.x, rtol=1e-9)
    by_operator = least_squares(
        lambda y: broyden(y * units),
        START / units,
        lambda y: linalg.aslinearoperator((of_broyden(y * units) @ scaled).tocsr()),
    )
    assert by_operator.success
    np.testing.assert_allclose(by_operator.x * units, plain.x, rtol=1e-9)
    given = least_squares(
        lambda y: broyden(y * units), START / units, lambda y: of_broyden(y * units) @ scaled, x_scale=1 / units
    )
    assert given.success
    np.testing.assert_allclose(given.x * units, plain.x, rtol=1e-9)


def test_estimates_of_an_operators_columns(rng: np.random.Generator) -> None:
    a = rng.standard_normal((500, 300)) * np.geomspace(1e-3, 1e3, 300)
    a[:, 5] = 0
    found = OperatorJacobian(linalg.aslinearoperator(a), a.shape, None).norms()  # type: ignore[arg-type]
    exact = np.linalg.norm(a, axis=0)
    assert found[5] == 0
    ratios = np.delete(found, 5) / np.delete(exact, 5)
    assert ratios.min() > 0.4
    assert ratios.max() < 1.8
    assert ratios.mean() == pytest.approx(1, abs=0.05)


@METHODS
def test_shapes(method: str, rng: np.random.Generator) -> None:
    for m, n in ((400, 1), (1, 400), (300, 500), (500, 300), (1, 1)):
        a = sparse.csr_array(rng.standard_normal((m, n)) * (rng.random((m, n)) < 0.3) + (np.arange(n) == 0))
        b = rng.standard_normal(m)
        fit = least_squares(
            lambda x, a=a, b=b: a @ x - b, np.zeros(n), lambda x, a=a: a, method=method, tr_solver="lsmr"
        )
        exact = np.linalg.lstsq(a.toarray(), b, rcond=None)
        assert fit.success, (m, n)
        least = 0.5 * float(np.linalg.norm(a @ exact[0] - b) ** 2)
        assert fit.cost == pytest.approx(least, rel=1e-8, abs=1e-18)


@METHODS
def test_a_singular_jacobian(method: str) -> None:
    """Columns that are twice there, and columns of zeros: the shortest way is taken, in scaled variables."""
    n = 400
    one = sparse.eye_array(n)
    matrix = sparse.hstack([one, one, sparse.csr_array((n, n))]).tocsr()
    right = np.arange(1.0, n + 1)
    start = np.concatenate([np.zeros(2 * n), np.full(n, 7.0)])
    fit = least_squares(lambda x: matrix @ x - right, start, lambda x: matrix, method=method)
    assert fit.success
    np.testing.assert_allclose(fit.x, np.concatenate([right / 2, right / 2, np.full(n, 7.0)]), rtol=1e-8)


@METHODS
def test_a_jacobian_of_zeros(method: str) -> None:
    fit = least_squares(lambda x: np.ones(N), START, lambda x: sparse.csr_array((N, N)), method=method)
    assert (fit.status, fit.cost) == (Status.GRADIENT, N / 2)


@METHODS
@pytest.mark.parametrize("kind", ["csr", "operator", "@"])
def test_a_derivative_that_is_not_finite(method: str, kind: str) -> None:
    def bad(x: Array, when: bool) -> Any:
        matrix = of_broyden(x)
        matrix.data[1000] = np.nan if when else matrix.data[1000]
        return KINDS[kind](matrix)

    at_start = least_squares(broyden, START, lambda x: bad(x, True), method=method)
    assert (at_start.status, at_start.nit) == (Status.NONFINITE_START, 0)
    later = least_squares(broyden, START, lambda x: bad(x, x[0] != -1), method=method)
    assert later.status is Status.NONFINITE
    assert 0 < later.cost < 0.5 * broyden(START) @ broyden(START)


@METHODS
def test_an_operator_that_is_not_finite_one_way_only(method: str) -> None:
    def half(x: Array) -> Any:
        matrix = of_broyden(x)
        return linalg.LinearOperator(matrix.shape, lambda v: np.full(N, np.nan), lambda u: matrix.T @ u, dtype=float)

    fit = least_squares(broyden, START, half, method=method)
    assert fit.status is Status.NONFINITE_START


@METHODS
@pytest.mark.parametrize("kind", ["csr", "operator"])
def test_a_wrong_jacobian_is_no_success(method: str, kind: str) -> None:
    fit = least_squares(broyden, START, lambda x: KINDS[kind](-of_broyden(x)), method=method)
    assert fit.status is Status.NO_DECREASE
    np.testing.assert_array_equal(fit.x, START)


def test_buffers_of_the_user_are_copied() -> None:
    own = of_broyden(START)

    def jac(x: Array) -> Any:
        own.data[:] = of_broyden(x).data
        return own

    fit = least_squares(broyden, START, jac)
    own.data[:] = np.nan
    assert fit.success
    assert np.isfinite(fit.jac.data).all()


def no_transpose(x: Array) -> Any:
    return linalg.LinearOperator((N, N), lambda v: v, dtype=float)


class OneWay:
    shape = (N, N)

    def __matmul__(self, v: Array) -> Array:
        return v


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"jac": lambda x: of_broyden(x)[:-1]}, ValueError, "jac must return an array of shape (2000, 2000)"),
        ({"jac": lambda x: 1j * of_broyden(x)}, TypeError, "jac must return an array of real numbers"),
        ({"jac": no_transpose}, TypeError, "multiplies transposed as well"),
        ({"jac": lambda x: OneWay()}, TypeError, "multiplies transposed as well"),
        (
            {"jac": lambda x: linalg.LinearOperator((N, N), lambda v: v, lambda u: u[:-1], dtype=float)},
            ValueError,
            "",
        ),
        ({"jac": lambda x: linalg.aslinearoperator(of_broyden(x)), "x_scale": "jac"}, ValueError, "x_scale"),
        ({"jac": of_broyden, "tr_solver": "exact"}, ValueError, 'tr_solver="exact"'),
        ({"jac": of_broyden, "geodesic": True}, ValueError, "geodesic=True"),
        ({"jac_sparsity": SPARSITY.tocsr()[:-1]}, ValueError, "jac_sparsity has the shape (1999, 2000)"),
        ({"tr_solver": "lsmr", "tr_options": {"atol": 2.0}}, ValueError, "tr_options: atol must be in [0, 1)"),
        ({"tr_solver": "lsmr", "tr_options": {"maxiter": 0}}, ValueError, "tr_options: maxiter must be an int"),
    ],
    ids=shown,
)
def test_what_is_refused(options: dict[str, Any], error: type[Exception], said: str) -> None:
    with pytest.raises(error) as caught:
        least_squares(**({"fun": broyden, "x0": START} | options))
    assert said in str(caught.value)


def test_options_of_lsmr() -> None:
    exact = least_squares(broyden, START, of_broyden, tr_options={"atol": 1e-12, "btol": 1e-12})
    rough = least_squares(broyden, START, of_broyden, tr_options={"maxiter": 2})
    assert exact.success
    assert rough.success
    assert exact.nit < rough.nit
    limited = least_squares(broyden, START, of_broyden, tr_options={"conlim": 1.5})
    assert limited.nit > exact.nit


def test_callbacks_and_budgets() -> None:
    seen: list[float] = []

    def callback(intermediate_result: Any) -> None:
        seen.append(intermediate_result.cost)
        if len(seen) == 3:
            raise StopIteration

    fit = least_squares(broyden, START, of_broyden, callback=callback)
    assert (fit.status, fit.nit) == (Status.CALLBACK, 3)
    assert seen == sorted(seen, reverse=True)
    fit = least_squares(broyden, START, of_broyden, max_nfev=4)
    assert (fit.status, fit.nfev, fit.success) == (Status.MAX_EVALUATIONS, 4, False)


def test_the_edge_of_a_domain() -> None:
    """Differences of a logarithm whose argument has no room on one side."""
    shift = np.where(np.arange(N) % 2, 1e-12, 1.0)

    def f(x: Array) -> Array:
        return np.log(x + shift) - np.log(2.0)

    with np.errstate(invalid="ignore"):
        fit = least_squares(f, np.where(np.arange(N) % 2, 0.0, 1.0), "3-point", jac_sparsity=sparse.eye_array(N))
    assert fit.success
    np.testing.assert_allclose(fit.x, 2 - shift, rtol=1e-8)


def test_what_needs_an_array() -> None:
    """The covariance and what is made with it: of Jacobians that fit; else refused, with a way out."""
    matrix = sparse.random_array((600, 200), density=0.05, random_state=1) + sparse.eye_array(600, 200)
    right = np.cos(np.arange(600.0))
    for kind in ("csr", "operator"):
        fit = least_squares(lambda x: matrix @ x - right, np.zeros(200), lambda x, k=kind: KINDS[k](matrix.tocsr()))
        dense = least_squares(lambda x: matrix @ x - right, np.zeros(200), lambda x: matrix.toarray())
        np.testing.assert_allclose(covariance(fit), covariance(dense), rtol=1e-6, atol=1e-9)
    n = 20_000
    large = least_squares(broyden, -np.ones(n), of_broyden)
    with pytest.raises(ValueError, match=r"3\.2 GB: solve J\^T J for columns of the covariance"):
        covariance(large)
    with pytest.raises(ValueError, match=r"3\.2 GB"):
        confidence_interval(broyden, large, of_broyden, known_noise=True)
    with pytest.raises(ValueError, match=r"3\.2 GB"):
        fit_report(large)
