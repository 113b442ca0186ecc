"""How fast are large sparse least squares, and in how much memory? Fits of three kinds beside SciPy's "trf" with LSMR.

python bench/solve_sparse.py                   # three minutes
python bench/solve_sparse.py --cases tridiagonal --rounds 5
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import scipy
import scipy.optimize
import scipy.sparse as sp

import onepass


class Case(NamedTuple):
    """Residuals, a start, what else both calls take, and the shape and the numbers of the Jacobian."""

    fun: Callable[[np.ndarray], np.ndarray]
    x0: np.ndarray
    options: dict[str, Any]
    shape: tuple[int, int]
    numbers: int


def tridiagonal(n: int) -> Callable[[np.ndarray], np.ndarray]:
    """Broyden's function."""

    def fun(x: np.ndarray) -> np.ndarray:
        f = (3 - x) * x + 1
        f[1:] -= x[:-1]
        f[:-1] -= 2 * x[1:]
        return f

    return fun


def broyden(n: int, given: str) -> Case:
    def jac(x: np.ndarray) -> Any:
        return sp.diags_array([3 - 2 * x, -np.ones(n - 1), -2 * np.ones(n - 1)], offsets=[0, -1, 1]).tocsr()

    options = {"jac": jac} if given == "jac" else {"jac_sparsity": jac(np.zeros(n))}
    return Case(tridiagonal(n), -np.ones(n), options, (n, n), 3 * n - 2)


def bratu(side: int, strength: float = 5.0) -> Case:
    """-Laplace u = strength exp u in a square, by differences of second order."""
    h = 1 / (side + 1)
    line = sp.diags_array([-np.ones(side - 1), 2 * np.ones(side), -np.ones(side - 1)], offsets=[-1, 0, 1])
    one = sp.eye_array(side)
    laplace = (sp.kron(line, one) + sp.kron(one, line)).tocsr()

    def jac(x: np.ndarray) -> Any:
        return (laplace - sp.diags_array(strength * h * h * np.exp(x))).tocsr()

    return Case(
        lambda x: laplace @ x - strength * h * h * np.exp(x),
        np.zeros(side**2),
        {"jac": jac},
        laplace.shape,
        laplace.nnz,
    )


def bundle(cameras: int, points: int, seen: int, seed: int) -> Case:
    """Poses of cameras and points in space from where these are seen, by differences; gauge and scale are free."""
    random = np.random.default_rng(seed)
    point = np.repeat(np.arange(points), seen)
    camera = np.concatenate([random.choice(cameras, seen, replace=False) for _ in range(points)])
    poses = np.column_stack(
        [
            random.uniform(-0.3, 0.3, (cameras, 3)),
            random.uniform(-0.5, 0.5, (cameras, 2)),
            random.uniform(4, 6, cameras),
        ]
    )
    true = np.concatenate([poses.ravel(), random.uniform(-1, 1, 3 * points)])

    def project(x: np.ndarray) -> np.ndarray:
        pose, p = x[: 6 * cameras].reshape(-1, 6)[camera], x[6 * cameras :].reshape(-1, 3)[point]
        turned = np.cross(pose[:, :3], p)
        q = p + turned + 0.5 * np.cross(pose[:, :3], turned) + pose[:, 3:]
        return (q[:, :2] / q[:, 2:]).ravel()

    data = project(true) + 1e-3 * random.standard_normal(2 * point.size)
    columns = np.hstack([6 * camera[:, None] + np.arange(6), 6 * cameras + 3 * point[:, None] + np.arange(3)])
    columns = np.repeat(columns, 2, axis=0)
    rows = np.repeat(np.arange(len(columns)), 9)
    shape = len(columns), true.size
    structure = sp.csr_array((np.ones(rows.size), (rows, columns.ravel())), shape=shape)
    start = true + 0.02 * random.standard_normal(true.size)
    return Case(lambda x: project(x) - data, start, {"jac_sparsity": structure}, shape, rows.size)


CASES: dict[str, Callable[[], Case]] = {
    "tridiagonal, jac": lambda: broyden(100_000, "jac"),
    "tridiagonal, jac_sparsity": lambda: broyden(100_000, "jac_sparsity"),
    "Bratu, 100 x 100, jac": lambda: bratu(100),
    "bundle, jac_sparsity": lambda: bundle(20, 1000, 6, 0),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="timings of each case; medians are shown")
    parser.add_argument("--cases", default="", help="only those whose names begin so")
    parser.add_argument("--max-nfev", type=int, default=100, help="of SciPy's, which counts no calls for differences")
    arguments = parser.parse_args()

    print(f"onepass {onepass.__version__}, SciPy {scipy.__version__}; each at its own tolerances, SciPy with x_scale")
    print(f"{'case':28}{'m, n':>18}{'who':>9}{'time':>10}{'peak':>10}{'dense':>9}{'calls':>7}  cost, status")
    for name, made in CASES.items():
        if not name.startswith(arguments.cases):
            continue
        case = made()
        solvers: dict[str, Callable[[], Any]] = {
            "onepass": lambda case=case: onepass.least_squares(case.fun, case.x0, **case.options),
            "SciPy": lambda case=case: scipy.optimize.least_squares(
                case.fun,
                case.x0,
                method="trf",
                tr_solver="lsmr",
                x_scale="jac",
                max_nfev=arguments.max_nfev,
                **case.options,
            ),
        }
        times: dict[str, list[float]] = {who: [] for who in solvers}
        found: dict[str, Any] = {}
        for _ in range(arguments.rounds):
            for who, solve in solvers.items():
                start = time.perf_counter()
                found[who] = solve()
                times[who].append(time.perf_counter() - start)
        for who, solve in solvers.items():
            tracemalloc.start()
            solve()
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            fit = found[who]
            dense = 8 * case.shape[0] * case.shape[1]
            print(
                f"{name:28}{'{:,}, {:,}'.format(*case.shape):>18}{who:>9}{statistics.median(times[who]):8.2f} s"
                f"{peak / 1e6:7.0f} MB{dense / 1e9:6.1f} GB{fit.nfev:7}  {fit.cost:.9e}, {int(fit.status)}"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
