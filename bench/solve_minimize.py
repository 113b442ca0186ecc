"""How long is an iteration of the second-order methods, next to SciPy's and torch's? Without the objective's own time.

python bench/solve_minimize.py                  everything, a minute or two
python bench/solve_minimize.py bfgs small       some of: bfgs lbfgs cg small

Every contender gets the same objective and the same start, a few rounds in turn; the table has medians.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np
import scipy.optimize

import onepass as op
from onepass.solve import LBFGS, minimize

SCIPY = {"bfgs": "BFGS", "lbfgs": "L-BFGS-B", "cg": "CG", "newton-cg": "Newton-CG", "trust-ncg": "trust-ncg"}


class Timed:
    """Extended Rosenbrock, its value and gradient, that adds up how long it takes and how often it is called."""

    def __init__(self) -> None:
        self.seconds, self.calls = 0.0, 0

    def __call__(self, x: Any) -> tuple[float, Any]:
        start = time.perf_counter()
        a, b = x[0::2], x[1::2]
        c, e = b - a * a, 1 - a
        gradient = np.empty_like(x)
        gradient[0::2] = -400 * a * c - 2 * e
        gradient[1::2] = 200 * c
        value = float(100 * np.vdot(c, c) + np.vdot(e, e))
        self.calls += 1
        self.seconds += time.perf_counter() - start
        return value, gradient


@dataclass
class Run:
    """Seconds per iteration without the objective, iterations, calls, and the value that was reached."""

    per_iteration: float
    iterations: int
    calls: int
    value: float


def start(size: int) -> Any:
    """Rosenbrock's start, a little different in every pair, so that L-BFGS's pairs differ."""
    x = np.resize([-1.2, 1.0], size)
    return x + 0.1 * np.sin(np.arange(size))


def timed(solve: Callable[[Timed], tuple[int, float]]) -> Run:
    fun = Timed()
    begin = time.perf_counter()
    iterations, value = solve(fun)
    seconds = time.perf_counter() - begin - fun.seconds
    return Run(seconds / iterations, iterations, fun.calls, value)


def onepass(method: str, size: int, **options: Any) -> Callable[[Timed], tuple[int, float]]:
    def solve(fun: Timed) -> tuple[int, float]:
        result = minimize(fun, start(size), jac=True, method=method, options=options)
        return result.nit, result.fun

    return solve


def scipys(method: str, size: int, **options: Any) -> Callable[[Timed], tuple[int, float]]:
    def solve(fun: Timed) -> tuple[int, float]:
        result = scipy.optimize.minimize(fun, start(size), jac=True, method=SCIPY[method], options=options)
        return result.nit, float(result.fun)

    return solve


def stepped(size: int, iterations: int) -> Callable[[Timed], tuple[int, float]]:
    """onepass.solve.LBFGS, one step of so many iterations."""

    def solve(fun: Timed) -> tuple[int, float]:
        x = start(size)
        losses = []

        def closure() -> tuple[float, Any]:
            loss, gradient = fun(x)
            losses.append(loss)
            return loss, gradient

        opt = LBFGS([x], max_iter=iterations, max_eval=10**9, tolerance_grad=0.0, tolerance_change=0.0)
        opt.step(closure)
        return opt.n_iter, min(losses)

    return solve


def torchs(size: int, iterations: int) -> Callable[[Timed], tuple[int, float]] | None:
    """torch.optim.LBFGS with NumPy's gradients, or None without torch."""
    try:
        import torch
    except ModuleNotFoundError:
        return None
    torch.set_num_threads(op.get_num_threads())

    def solve(fun: Timed) -> tuple[int, float]:
        x = torch.nn.Parameter(torch.from_numpy(start(size)))
        losses = []

        def closure() -> Any:
            loss, gradient = fun(x.detach().numpy())
            x.grad = torch.from_numpy(gradient)
            losses.append(loss)
            return torch.tensor(loss, dtype=torch.float64)

        opt = torch.optim.LBFGS(
            [x],
            max_iter=iterations,
            max_eval=10**9,
            tolerance_grad=0.0,
            tolerance_change=0.0,
            history_size=10,
            line_search_fn="strong_wolfe",
        )
        opt.step(closure)
        return opt.state[x]["n_iter"], min(losses)

    return solve


def compare(title: str, rounds: int, contenders: dict[str, Callable[[Timed], tuple[int, float]] | None]) -> None:
    """Prints a row for each contender, and how many times its iteration takes longer than the first one's."""
    runs: dict[str, list[Run]] = {name: [] for name, solve in contenders.items() if solve}
    for _ in range(rounds):
        for name in runs:
            solve = contenders[name]
            assert solve
            runs[name].append(timed(solve))
    print(f"\n{title}")
    first = None
    for name, found in runs.items():
        per_iteration = median(run.per_iteration for run in found)
        first = first or per_iteration
        run = found[0]
        print(
            f"  {name:<22} {1e3 * per_iteration:>10.3f} ms   {per_iteration / first:>7.1f}x"
            f"   {run.iterations:>5} iterations {run.calls:>6} calls   f = {run.value:.1e}"
        )


def bfgs() -> None:
    size = 1000
    contenders = {"onepass bfgs": onepass("bfgs", size), "SciPy BFGS": scipys("bfgs", size, maxiter=60)}
    compare(f"BFGS, extended Rosenbrock, n = {size}; SciPy is stopped after 60 iterations", 3, contenders)


def lbfgs() -> None:
    size, steps = 1_000_000, 30
    stop = {"maxiter": steps, "gtol": 0.0, "ftol": 0.0}
    contenders = {
        "onepass lbfgs": onepass("lbfgs", size, maxcor=10, **stop),
        "onepass LBFGS.step": stepped(size, steps),
        "SciPy L-BFGS-B": scipys("lbfgs", size, maxcor=10, **stop),
        "torch LBFGS": torchs(size, steps),
    }
    compare(f"L-BFGS, m = 10, n = {size:.0e}, {steps} iterations", 3, contenders)


def cg() -> None:
    size = 1_000_000
    stop = {"maxiter": 25, "gtol": 0.0}
    contenders = {"onepass cg": onepass("cg", size, **stop), "SciPy CG": scipys("cg", size, **stop)}
    compare(f"CG, n = {size:.0e}, 25 iterations", 3, contenders)


def small() -> None:
    """The whole solve, objective and all."""
    for size in (2, 4, 10):
        x0 = np.resize([-1.2, 1.0], size)
        for method, peer in SCIPY.items():
            second = {"hess": scipy.optimize.rosen_hess} if method in ("newton-cg", "trust-ncg") else {}
            own: list[float] = []
            other: list[float] = []
            for _ in range(25):
                begin = time.perf_counter()
                a = minimize(scipy.optimize.rosen, x0, jac=scipy.optimize.rosen_der, method=method, **second)
                middle = time.perf_counter()
                b = scipy.optimize.minimize(
                    scipy.optimize.rosen, x0, jac=scipy.optimize.rosen_der, method=peer, **second
                )
                own.append(middle - begin)
                other.append(time.perf_counter() - middle)
            ratio = median(other) / median(own)
            print(
                f"  n = {size:<3} {method:<10} {1e3 * median(own):>7.2f} ms, SciPy {1e3 * median(other):>7.2f} ms"
                f"   {ratio:>5.1f}x   {a.nfev:>4} and {b.nfev:>4} calls   f = {a.fun:.0e} and {b.fun:.0e}"
            )


def small_problems() -> None:
    print("\nSmall problems, Rosenbrock's function: the whole solve")
    small()


CASES = {"bfgs": bfgs, "lbfgs": lbfgs, "cg": cg, "small": small_problems}


def main(chosen: list[str]) -> None:
    unknown = [name for name in chosen if name not in CASES]
    if unknown:
        sys.exit(f"there is no case {unknown[0]!r}; there are {', '.join(CASES)}")
    print(f"{op.get_num_threads()} threads")
    for name in chosen or CASES:
        CASES[name]()


if __name__ == "__main__":
    main(sys.argv[1:])
