"""How fast are least squares? Thousands of small fits at once, and single small problems, beside SciPy.

python bench/solve_least_squares.py              # both, half a minute
python bench/solve_least_squares.py --loop 1000  # a longer part of SciPy's loop
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import scipy
import scipy.optimize

import onepass
from onepass.solve import least_squares, least_squares_batch

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "solve"))
from more_garbow_hillstrom import PROBLEMS, Problem

#: The tolerances that SciPy has by default, for both.
TOLERANCES = {"ftol": 1e-8, "xtol": 1e-8, "gtol": 1e-8}
#: How near a known minimum, or how low, a sum of squares counts as solved.
SOLVED = 1e-6
PARAMETERS, POINTS, BATCH = 3, 50, 10_000
BATCH_BAR, SMALL_BAR = 60.0, 1.0
#: Problems that functions are called for at once where they are timed alone: `least_squares_batch` calls them alike.
BLOCK = 1024

T = np.linspace(0.0, 4.0, POINTS)


def seconds(call: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = call()
    return time.perf_counter() - start, result


def curve(x: np.ndarray) -> np.ndarray:
    """a exp(-b t) + c, for x of shape (..., 3)."""
    return x[..., :1] * np.exp(-x[..., 1:2] * T) + x[..., 2:]


def slopes(x: np.ndarray) -> np.ndarray:
    fall = np.exp(-x[..., 1:2] * T)
    return np.stack((fall, -x[..., :1] * T * fall, np.ones_like(fall)), axis=-1)


class Counted:
    """A function of the points of many problems, and how many it was called for."""

    def __init__(self, function: Callable[..., Any], at: int) -> None:
        self._function, self._at, self.problems = function, at, 0

    def __call__(self, *arguments: Any) -> Any:
        self.problems += len(arguments[self._at])
        return self._function(*arguments)


def alone(rounds: int, calls: dict[Callable[[int, int], Any], float]) -> float:
    """The time of functions of blocks of problems, each for so many problems, in all: no batch is faster than that."""

    def all_blocks(function: Callable[[int, int], Any]) -> None:
        for first in range(0, BATCH, BLOCK):
            function(first, min(first + BLOCK, BATCH))

    return sum(
        problems / BATCH * min(seconds(lambda f=function: all_blocks(f))[0] for _ in range(2 + rounds))
        for function, problems in calls.items()
    )


def batch(rounds: int, loop: int, seed: int) -> list[dict[str, Any]]:
    """Exponential fits with noise: all at once, and `loop` of them one by one in each round."""
    random = np.random.default_rng(seed)
    true = random.uniform((1.0, 0.5, -1.0), (3.0, 2.0, 1.0), (BATCH, PARAMETERS))
    y = curve(true) + 0.05 * random.standard_normal((BATCH, POINTS))
    x0 = np.tile([1.0, 1.0, 0.0], (BATCH, 1))

    def residual(x: np.ndarray, index: Any) -> np.ndarray:
        return curve(x) - y[index]

    def ours(jac: Any) -> Any:
        return least_squares_batch(residual, x0, jac, **TOLERANCES)

    def theirs(jac: Any, method: str) -> np.ndarray:
        fits = (
            scipy.optimize.least_squares(lambda b, i=i: curve(b) - y[i], x0[i], jac, method=method, **TOLERANCES)
            for i in range(loop)
        )
        return np.array([fit.x for fit in fits])

    rows = []
    for jac, our_jac, their_jac in (
        ("differences", None, "2-point"),
        ("analytic", lambda x, index: slopes(x), slopes),
    ):
        f, j = Counted(residual, 0), Counted(lambda x, index: slopes(x), 0)
        least_squares_batch(f, x0, our_jac and j, **TOLERANCES)
        functions = alone(
            rounds,
            {
                lambda a, b: residual(true[a:b], np.arange(a, b)): f.problems,
                lambda a, b: slopes(true[a:b]): j.problems,
            },
        )
        for method in ("trf", "lm"):
            ratios, own, peer = [], [], []
            for _ in range(rounds):
                a, fits = seconds(lambda jac=our_jac: ours(jac))
                b, x = seconds(lambda jac=their_jac, method=method: theirs(jac, method))
                b *= BATCH / loop
                own.append(a), peer.append(b), ratios.append(b / a)
            apart = float(np.abs(x - fits.x[:loop]).max())
            rows.append(
                {
                    "case": f"{BATCH} fits, {jac}",
                    "peer": method,
                    "onepass": statistics.median(own),
                    "scipy": statistics.median(peer),
                    "ratio": statistics.median(ratios),
                    "ceiling": statistics.median(peer) / functions,
                    "solved": bool(fits.success.all()) and apart < 1e-4,
                }
            )
    return rows


def fall(t: Any, a: Any, b: Any, c: Any) -> Any:
    return a * np.exp(-b * t) + c


def of_fall(t: Any, a: Any, b: Any, c: Any) -> Any:
    e = np.exp(-b * t)
    return np.stack((e, -a * t * e, np.ones_like(e)), axis=-1)


def saturation(s: Any, v: Any, k: Any) -> Any:
    """Michaelis and Menten's."""
    return v * s / (k + s)


def of_saturation(s: Any, v: Any, k: Any) -> Any:
    return np.stack((s / (k + s), -v * s / (k + s) ** 2), axis=-1)


def peak(t: Any, a: Any, m: Any, s: Any, c: Any) -> Any:
    """Gauss's, and a constant."""
    return a * np.exp(-(((t - m) / s) ** 2) / 2) + c


def of_peak(t: Any, a: Any, m: Any, s: Any, c: Any) -> Any:
    z = (t - m) / s
    e = np.exp(-z * z / 2)
    return np.stack((e, a * e * z / s, a * e * z * z / s, np.ones_like(e)), axis=-1)


#: Curve, derivatives, abscissae, true parameters, deviation of the noise, start.
CURVES: dict[str, tuple[Any, Any, np.ndarray, list[float], float, list[float]]] = {
    "fall": (fall, of_fall, T, [2.0, 1.1, 0.5], 0.05, [1.0, 1.0, 0.0]),
    "saturation": (saturation, of_saturation, np.geomspace(0.02, 1.1, 12), [212.7, 0.064], 8.0, [200.0, 0.1]),
    "peak": (peak, of_peak, np.linspace(-5, 5, 100), [3.0, 0.5, 1.2, 0.7], 0.05, [1.0, 0.0, 1.0, 0.0]),
}


def curves(rounds: int, loop: int, seed: int) -> list[dict[str, Any]]:
    """`curve_fit` of single curves, and of many at once, beside SciPy's; each at its own tolerances."""
    random = np.random.default_rng(seed)
    true = random.uniform((1.0, 0.5, -1.0), (3.0, 2.0, 1.0), (BATCH, PARAMETERS))
    y = fall(T, *true.T[..., None]) + 0.05 * random.standard_normal((BATCH, POINTS))
    start = CURVES["fall"][-1]
    rows = []
    for at, label in enumerate(("differences", "analytic")):
        jac = (None, of_fall)[at]
        counted_f, counted_j = Counted(fall, 1), Counted(of_fall, 1)
        onepass.curve_fit_batch(counted_f, T, y, start, jac=jac and counted_j)
        functions = alone(
            rounds,
            {
                lambda a, b: fall(T, *true[a:b].T[..., None]): counted_f.problems,
                lambda a, b: of_fall(T, *true[a:b].T[..., None]): counted_j.problems,
            },
        )
        for workers in (1, 2):
            own, peer = [], []
            for _ in range(rounds):
                a, x = seconds(
                    lambda jac=jac, workers=workers: onepass.curve_fit_batch(
                        fall, T, y, start, jac=jac, workers=workers
                    )[0][:loop]
                )
                b, z = seconds(
                    lambda jac=jac: np.array(
                        [scipy.optimize.curve_fit(fall, T, y[i], start, jac=jac)[0] for i in range(loop)]
                    )
                )
                own.append(a)
                peer.append(b / loop * BATCH)
            name = f"curve_fit_batch, {BATCH}, {label}{', 2 workers' if workers == 2 else ''}"
            row = compared(name, own, peer, float(np.abs(x - z).max()) < 1e-4)
            rows.append(row if workers == 2 else {**row, "ceiling": row["scipy"] / functions})
        for name, (f, of_f, t, parameters, noise, x0) in CURVES.items():
            data = f(t, *parameters) + noise * random.standard_normal(t.size)
            jac = (None, of_f)[at]
            fits = [
                lambda f=f, m=m, t=t, data=data, x0=x0, jac=jac: m.curve_fit(f, t, data, x0, jac=jac)[0]
                for m in (onepass, scipy.optimize)
            ]
            both = [[seconds(fit) for fit in fits] for _ in range(rounds * loop)]
            own, peer = ([taken for taken, _ in side] for side in zip(*both, strict=True))
            x, z = (found for _, found in both[-1])
            row = compared(f"curve_fit, {name}, {label}", own, peer, np.allclose(x, z, rtol=1e-4))
            row["calls"] = [calls_of(f, fit) for fit in fits]
            rows.append(row)
    return rows


def calls_of(f: Callable[..., Any], fit: Callable[[Any], Any]) -> int:
    calls = 0

    def counted(*arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        return f(*arguments)

    fit(counted)
    return calls


def compared(case: str, own: list[float], peer: list[float], solved: bool) -> dict[str, Any]:
    """Times of rounds in which both had their turn."""
    return {
        "case": case,
        "peer": "curve_fit",
        "onepass": statistics.median(own),
        "scipy": statistics.median(peer),
        "ratio": statistics.median(b / a for a, b in zip(own, peer, strict=True)),
        "solved": bool(solved),
    }


def solved(problem: Problem, cost: float) -> bool:
    return any(abs(2 * cost - f) <= SOLVED * max(f, 1e-4) for f in problem.minima)


def small(rounds: int) -> list[dict[str, Any]]:
    """Whole solves of the problems of Moré, Garbow and Hillstrom with 2 to 10 parameters that both solve."""
    rows = []
    for jac in ("differences", "analytic"):
        for own_method, method in (("lm", "lm"), ("dogleg", "dogbox"), ("lm", "trf")):
            ratios, own, peer, ours_only, theirs_only = [], [], [], [], []
            for name, problem in PROBLEMS.items():
                few = problem.residual(problem.start).size < problem.start.size
                if not 2 <= problem.start.size <= 10 or few:
                    continue
                given = problem.jacobian if jac == "analytic" else "2-point"

                def ours(problem: Problem = problem, given: Any = given, method: str = own_method) -> Any:
                    return least_squares(problem.residual, problem.start, given, method=method, **TOLERANCES)

                def theirs(problem: Problem = problem, given: Any = given, method: str = method) -> Any:
                    return scipy.optimize.least_squares(
                        problem.residual, problem.start, given, method=method, **TOLERANCES
                    )

                mine, other = solved(problem, ours().cost), solved(problem, theirs().cost)
                if not (mine and other):
                    ours_only += [name] * mine
                    theirs_only += [name] * other
                    continue
                timed = [(seconds(ours)[0], seconds(theirs)[0]) for _ in range(rounds)]
                own.append(statistics.median(a for a, _ in timed))
                peer.append(statistics.median(b for _, b in timed))
                ratios.append(statistics.median(b / a for a, b in timed))
            rows.append(
                {
                    "case": f"{len(ratios)} small problems, {jac}, {own_method}",
                    "peer": method,
                    "onepass": statistics.median(own),
                    "scipy": statistics.median(peer),
                    "ratio": statistics.median(ratios),
                    "slowest": min(ratios),
                    "solved": not theirs_only,
                    "only_onepass": ours_only,
                    "only_scipy": theirs_only,
                }
            )
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7, help="timings of each case; medians are shown")
    parser.add_argument("--loop", type=int, default=200, help=f"fits of SciPy's loop that are timed, of {BATCH}")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="write the numbers there")
    arguments = parser.parse_args()

    print(f"onepass {onepass.__version__}, SciPy {scipy.__version__}, NumPy {np.__version__}; tolerances 1e-8")
    print(f"SciPy's loop: {arguments.loop} fits are timed, and their time is multiplied up to {BATCH}")
    given = arguments.rounds, arguments.loop, arguments.seed
    rows = batch(*given) + curves(*given) + small(arguments.rounds)
    print(f"{'case':48}{'SciPy':>8}{'onepass':>12}{'SciPy':>12}{'ratio':>8}{'least':>8}{'bar':>6}  solved")
    for row in rows:
        bar = BATCH_BAR if str(BATCH) in row["case"] else SMALL_BAR
        times = "".join(f"{1e3 * row[who]:9.2f} ms" for who in ("onepass", "scipy"))
        least = f"{row['slowest']:8.2f}" if "slowest" in row else " " * 8
        print(f"{row['case']:48}{row['peer']:>8}{times}{row['ratio']:8.2f}{least}{bar:6.0f}  {row['solved']}", end="")
        print(f"; at most {row['ceiling']:.0f} by the functions alone" if "ceiling" in row else "", end="")
        if "calls" in row:
            print("; calls of f, here and SciPy's: {}, {}".format(*row["calls"]), end="")
        print(
            "".join(
                f"; only {who}: {', '.join(row['only_' + who])}"
                for who in ("onepass", "scipy")
                if row.get("only_" + who)
            )
        )
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
