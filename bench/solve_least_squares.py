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
BATCH_BAR, SMALL_BAR = 50.0, 1.0

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


def batch(rounds: int, loop: int, seed: int) -> list[dict[str, Any]]:
    """Exponential fits with noise: all at once, and `loop` of them one by one in each round."""
    random = np.random.default_rng(seed)
    true = random.uniform((1.0, 0.5, -1.0), (3.0, 2.0, 1.0), (BATCH, PARAMETERS))
    y = curve(true) + 0.05 * random.standard_normal((BATCH, POINTS))
    x0 = np.tile([1.0, 1.0, 0.0], (BATCH, 1))

    def ours(jac: Any) -> Any:
        return least_squares_batch(lambda x, index: curve(x) - y[index], x0, jac, **TOLERANCES)

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
        for method in ("trf", "lm"):
            ratios, own, peer = [], [], []
            ours(our_jac)
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
                    "solved": bool(fits.success.all()) and apart < 1e-4,
                }
            )
    return rows


def curves(rounds: int, loop: int, seed: int) -> list[dict[str, Any]]:
    """`curve_fit` of one of these curves, and of all, beside SciPy's; each at its own tolerances."""
    random = np.random.default_rng(seed)
    true = random.uniform((1.0, 0.5, -1.0), (3.0, 2.0, 1.0), (BATCH, PARAMETERS))
    y = curve(true) + 0.05 * random.standard_normal((BATCH, POINTS))

    def f(t: Any, a: Any, b: Any, c: Any) -> Any:
        return a * np.exp(-b * t) + c

    def of_f(t: Any, a: Any, b: Any, c: Any) -> Any:
        fall = np.exp(-b * t)
        return np.stack((fall, -a * t * fall, np.ones_like(fall)), axis=-1)

    def fit(module: Any, i: int, jac: Any) -> Any:
        return module.curve_fit(f, T, y[i], [1.0, 1.0, 0.0], jac=jac)[0]

    rows = []
    for label, jac in (("differences", None), ("analytic", of_f)):
        for case, many in ((f"curve_fit one by one, {label}", False), (f"curve_fit_batch, {BATCH}, {label}", True)):
            own, peer = [], []
            for _ in range(rounds):
                if many:
                    a, x = seconds(lambda jac=jac: onepass.curve_fit_batch(f, T, y, [1.0, 1.0, 0.0], jac=jac)[0][:loop])
                else:
                    a, x = seconds(lambda jac=jac: np.array([fit(onepass, i, jac) for i in range(loop)]))
                b, z = seconds(lambda jac=jac: np.array([fit(scipy.optimize, i, jac) for i in range(loop)]))
                own.append(a if many else a / loop)
                peer.append(b / loop * (BATCH if many else 1))
            rows.append(
                {
                    "case": case,
                    "peer": "curve_fit",
                    "onepass": statistics.median(own),
                    "scipy": statistics.median(peer),
                    "ratio": statistics.median(b / a for a, b in zip(own, peer, strict=True)),
                    "solved": float(np.abs(x - z).max()) < 1e-4,
                }
            )
    return rows


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
