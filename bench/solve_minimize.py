"""How long is an iteration of the second-order methods, and how many calls do they make, next to SciPy's and torch's?

python bench/solve_minimize.py                  everything, four minutes
python bench/solve_minimize.py bfgs small       some of: bfgs lbfgs cg small calls bounds

Every contender gets the same objective and the same start, a few rounds in turn; the tables have medians. The time of
iterations is without the objective's own. `calls` needs tests/solve of the repository, where its problems are.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
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


def onepass(method: str, size: int, bounds: Any = None, **options: Any) -> Callable[[Timed], tuple[int, float]]:
    def solve(fun: Timed) -> tuple[int, float]:
        result = minimize(fun, start(size), jac=True, method=method, bounds=bounds, options=options)
        return result.nit, result.fun

    return solve


def scipys(method: str, size: int, bounds: Any = None, **options: Any) -> Callable[[Timed], tuple[int, float]]:
    def solve(fun: Timed) -> tuple[int, float]:
        result = scipy.optimize.minimize(
            fun, start(size), jac=True, method=SCIPY[method], bounds=bounds, options=options
        )
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


def both(x: Any) -> tuple[float, Any]:
    return scipy.optimize.rosen(x), scipy.optimize.rosen_der(x)


def in_turn(own: Callable[[], Any], other: Callable[[], Any], rounds: int = 25) -> tuple[Any, Any, float, float]:
    """What both return, and the median seconds of each."""
    seconds: tuple[list[float], list[float]] = [], []
    for _ in range(rounds):
        begin = time.perf_counter()
        a = own()
        middle = time.perf_counter()
        b = other()
        seconds[0].append(middle - begin)
        seconds[1].append(time.perf_counter() - middle)
    return a, b, median(seconds[0]), median(seconds[1])


def small() -> None:
    """The whole solve, objective and all."""
    print("\nSmall problems, Rosenbrock's function: the whole solve")
    apart = {"fun": scipy.optimize.rosen, "jac": scipy.optimize.rosen_der}
    together = {"fun": both, "jac": True}
    for size in (2, 4, 10):
        x0 = np.resize([-1.2, 1.0], size)
        for method, peer in SCIPY.items():
            second = {"hess": scipy.optimize.rosen_hess} if method in ("newton-cg", "trust-ncg") else {}
            for label, functions in (("", apart), ("jac=True", together)):
                a, b, own, other = in_turn(
                    partial(minimize, x0=x0, method=method, **functions, **second),
                    partial(scipy.optimize.minimize, x0=x0, method=peer, **functions, **second),
                )
                print(
                    f"  n = {size:<3} {method:<10} {label:<9} {1e3 * own:>7.2f} ms, SciPy"
                    f" {1e3 * other:>7.2f} ms   {other / own:>5.1f}x   {a.nfev:>4} and {b.nfev:>4} calls"
                    f"   f = {a.fun:.0e} and {b.fun:.0e}"
                )


def classical() -> dict[str, tuple[Callable[[Any], tuple[float, Any]], Any]]:
    """Extended Rosenbrock from two starts, and the problems of Moré, Garbow and Hillstrom: functions and starts."""
    sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "solve"))
    from more_garbow_hillstrom import PROBLEMS

    def squares(problem: Any) -> Callable[[Any], tuple[float, Any]]:
        return lambda x: (problem.squares(x), problem.gradient(x))

    sizes = (2, 10, 100, 1000)
    plain = {f"rosenbrock {n}": (Timed(), np.resize([-1.2, 1.0], n)) for n in sizes}
    moved = {f"rosenbrock {n}, moved": (Timed(), start(n)) for n in sizes}
    return plain | moved | {name: (squares(problem), problem.start) for name, problem in PROBLEMS.items()}


def calls() -> None:
    """The sums are over the problems where both reach the gradient's tolerance at the same value."""
    for method in ("bfgs", "lbfgs", "cg"):
        print(f"\nCalls to |g| <= 1e-5, {method} and SciPy's {SCIPY[method]}")
        found: list[tuple[int, int]] = []
        for name, (fun, x0) in classical().items():
            if (method, name) == ("bfgs", "rosenbrock 1000, moved"):
                continue  # it takes SciPy minutes
            more = {"ftol": 0.0} if method == "lbfgs" else {}
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                a = minimize(fun, x0, jac=True, method=method, options={"maxiter": 3000, **more})
                b = scipy.optimize.minimize(
                    fun, x0, jac=True, method=SCIPY[method], options={"maxiter": 3000, "gtol": 1e-5, **more}
                )
            alike = abs(a.fun - b.fun) <= 1e-4 * max(1e-4, abs(b.fun))
            if alike and max(np.abs(a.jac).max(), np.abs(b.jac).max()) <= 1e-5:
                found.append((a.nfev, b.nfev))
                note = ""
            else:
                note = f"   not both, or other minima: f = {a.fun:.1e} and {b.fun:.1e}"
            print(f"  {name:<24} {a.nfev:>5} and {b.nfev:>5}{note}")
        own, other = zip(*found, strict=True)
        ratio = median(a / b for a, b in found)
        print(f"  {len(found)} problems: {sum(own)} and {sum(other)} calls, median ratio {ratio:.2f}")


def boxes() -> dict[str, tuple[Callable[[Any], tuple[float, Any]], Any, Any]]:
    """Functions, starts and bounds."""
    problems: dict[str, tuple[Callable[[Any], tuple[float, Any]], Any, Any]] = {}
    for size in (2, 10, 100, 1000):
        x0, every = np.resize([-1.2, 1.0], size), np.arange(size)
        fourth = scipy.optimize.Bounds(np.where(every % 4, -0.5, -np.inf), np.where(every % 4, np.inf, 0.8))
        problems[f"rosenbrock {size}, x <= 0.5"] = Timed(), x0, scipy.optimize.Bounds(np.full(size, -2.0), 0.5)
        problems[f"rosenbrock {size}, mixed"] = Timed(), x0, fourth
    rng = np.random.default_rng(0)
    for rows, size in ((40, 20), (500, 400)):
        a = rng.standard_normal((rows, size))
        b = a @ np.maximum(rng.standard_normal(size), 0) + 0.1 * rng.standard_normal(rows)
        name = f"least squares {rows} x {size}, x >= 0"
        problems[name] = squared_distance(a, b), np.ones(size), scipy.optimize.Bounds(np.zeros(size), np.inf)
    for size, powers in ((30, 2), (200, 2), (30, 4)):
        q, _ = np.linalg.qr(rng.standard_normal((size, size)))
        a, z = q * np.logspace(0, powers / 2, size), rng.standard_normal(size)
        side = np.where(np.arange(size) % 2, np.abs(z) / 2, np.inf)
        name = f"quadratic {size}, condition 1e{powers}, half of it bounded"
        problems[name] = squared_distance(a.T, a.T @ z), np.zeros(size), scipy.optimize.Bounds(-side, side)
    return problems


def squared_distance(a: Any, b: Any) -> Callable[[Any], tuple[float, Any]]:
    def fun(x: Any) -> tuple[float, Any]:
        error = a @ x - b
        return 0.5 * float(error @ error), a.T @ error

    return fun


def bounds() -> None:
    print("\nBounds, to a projected gradient of 1e-5: calls and time of lbfgs and SciPy's L-BFGS-B, the whole solve")
    stop = {"ftol": 0.0, "gtol": 1e-5}
    for name, (fun, x0, box) in boxes().items():
        a, b, own, other = in_turn(
            partial(minimize, fun, x0, jac=True, bounds=box, options=stop),
            partial(scipy.optimize.minimize, fun, x0, jac=True, method="L-BFGS-B", bounds=box, options=stop),
        )
        print(
            f"  {name:<46} {a.nfev:>5} and {b.nfev:>5}   {1e3 * own:>7.2f} and {1e3 * other:>7.2f} ms"
            f"   {other / own:>4.1f}x   f = {a.fun:.6e} and {b.fun:.6e}"
        )
    print("\nWith bounds on every fourth variable of extended Rosenbrock, per iteration")
    for size in (2, 10, 1000, 100_000):
        box = scipy.optimize.Bounds(np.full(size, -np.inf), np.where(np.arange(size) % 4, np.inf, 0.9))
        options = {"maxiter": 25, "ftol": 0.0, "gtol": 0.0}
        contenders = {
            "onepass lbfgs": onepass("lbfgs", size, box, **options),
            "SciPy L-BFGS-B": scipys("lbfgs", size, box, **options),
        }
        compare(f"n = {size}", 5, contenders)


CASES = {"bfgs": bfgs, "lbfgs": lbfgs, "cg": cg, "small": small, "calls": calls, "bounds": bounds}


def main(chosen: list[str]) -> None:
    unknown = [name for name in chosen if name not in CASES]
    if unknown:
        sys.exit(f"there is no case {unknown[0]!r}; there are {', '.join(CASES)}")
    print(f"{op.get_num_threads()} threads")
    for name in chosen or CASES:
        CASES[name]()


if __name__ == "__main__":
    main(sys.argv[1:])
