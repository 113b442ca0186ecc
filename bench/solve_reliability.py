"""How reliable are least squares? Certified digits on NIST's sets, and honesty from far starts.

python bench/solve_reliability.py                        # ten minutes; --parts nist: ten seconds
python bench/solve_reliability.py --parts formulas --seeds 2 3

NIST's files are in $ONEPASS_DATA/nist_strd, as the tests have them. What the far starts showed may have been tuned
on; formulas with a seed that nobody has looked at tell what of that holds elsewhere.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from onepass.solve import least_squares

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "solve"))
import nist
from formula_fits import fits
from more_garbow_hillstrom import PROBLEMS, Problem

METHODS: dict[str, dict[str, Any]] = {
    "lm": {},
    "lm, geodesic": {"geodesic": True},
    "dogleg": {"method": "dogleg"},
    "gauss-newton": {"method": "gauss-newton"},
}
#: Those whose linear problems LSMR solves, which is for large ones: they are asked for honesty alone.
BY_LSMR = {f"{name}, lsmr": {"method": name, "tr_solver": "lsmr"} for name in ("lm", "dogleg", "gauss-newton")}
ENOUGH = 6.0
#: How near a known minimum a sum of squares counts as solved, and the cosine above which a point is not stationary.
SOLVED, FAR = 1e-6, 1e-5


def certified(methods: dict[str, dict[str, Any]]) -> None:
    """How many fits have six digits in every parameter, and how many calls all fits take."""
    sets = [nist.read(name) for name in nist.names()]
    if not sets:
        print(f"NIST's files are not in {nist.FOLDER}; ONEPASS_DATA may name another folder")
        return
    print(f"fits with {ENOUGH:.0f} certified digits, of {sum(len(data.starts) for data in sets)}, and calls of all")
    for jac in (None, "2-point", "3-point"):
        for label, options in methods.items():
            found = calls = 0
            for data in sets:
                for start in data.starts:
                    fit = least_squares(data.residual, start, jac, **options)
                    found += nist.certified_digits(fit.x, data.certified) >= ENOUGH
                    calls += fit.nfev
            print(f"  jac={jac!r:<10} {label:<14} {found:>3} {calls:>7} calls")


def far_starts(problem: Problem, random: np.random.Generator) -> list[np.ndarray]:
    start = problem.start
    spread = 1 + np.abs(start)
    return [start, 10 * start, 100 * start, *(start + spread * random.standard_normal(start.size) for _ in range(6))]


def largest_cosine(problem: Problem, x: np.ndarray) -> float:
    """Of the residuals and the columns of the Jacobian that matter; infinite where it overflows.

    A parameter does not matter if a change by 1 and by all of its size changes the sum of squares by less than what
    counts as solved, to first order: a column of 1e-70 has an angle, too.
    """
    jac, f = problem.jacobian(x), problem.residual(x)
    pulls = np.abs(f @ jac)
    cosines = pulls / np.maximum(np.linalg.norm(jac, axis=0) * np.linalg.norm(f), np.finfo(float).tiny)
    matters = ~(pulls * np.maximum(np.abs(x), 1) <= SOLVED * (f @ f))
    return float(np.nan_to_num(cosines * matters, nan=np.inf).max())


def honest(cases: list[tuple[Problem, np.ndarray]], methods: dict[str, dict[str, Any]]) -> None:
    """How often success is claimed where the gradient is far from zero, and not claimed where all is done."""
    print(f"  {'':<18}{'jac':>9}{'solved':>8}{'false':>7}{'denied':>8}{'calls':>10}")
    for label, options in methods.items():
        for jac in (True, False):
            solved = false = denied = calls = 0
            for problem, start in cases:
                fit = least_squares(problem.residual, start, problem.jacobian if jac else None, **options)
                is_solved = min(abs(2 * fit.cost - f) / max(f, 1e-10) for f in problem.minima) < SOLVED
                is_stationary = largest_cosine(problem, fit.x) <= FAR
                solved += is_solved
                false += fit.success and not is_solved and not is_stationary
                denied += not fit.success and (is_solved or is_stationary)
                calls += fit.nfev
            given = "with" if jac else "without"
            print(f"  {label:<18}{given:>9}{solved:>8}{false:>7}{denied:>8}{calls:>10,}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = ["nist", "far", "formulas"]
    parser.add_argument("--parts", nargs="+", choices=parts, default=parts)
    parser.add_argument("--methods", nargs="+", choices=METHODS | BY_LSMR, default=list(METHODS | BY_LSMR))
    parser.add_argument("--seeds", nargs="+", type=int, default=[2], help="of the formulas")
    arguments = parser.parse_args()
    methods = {label: options for label, options in (METHODS | BY_LSMR).items() if label in arguments.methods}

    if "nist" in arguments.parts:
        certified({label: options for label, options in methods.items() if label in METHODS})
    print("\nfalse: success is claimed of what is not stationary; denied: none is claimed of what is, or is solved")
    if "far" in arguments.parts:
        random = np.random.default_rng(0)
        cases = [(problem, start) for problem in PROBLEMS.values() for start in far_starts(problem, random)]
        print(f"{len(cases)} far starts of the problems of Moré, Garbow and Hillstrom")
        honest(cases, methods)
    for seed in arguments.seeds if "formulas" in arguments.parts else []:
        cases = fits(seed)
        print(f"{len(cases)} starts of curves of formulas, seed {seed}")
        honest(cases, methods)
    return 0


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    with np.errstate(all="ignore"):
        sys.exit(main())
