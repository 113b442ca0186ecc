"""Does minimize solve the classical test problems, as sums of squares, and say so where it does not?"""

from __future__ import annotations

import numpy as np
import pytest
from more_garbow_hillstrom import PROBLEMS

from onepass.solve import Status, minimize

#: The minimum is not reached: Meyer's Hessian is singular but for eleven digits, and Watson's gets worse with n.
UNSOLVED = {("cg", "meyer"), ("cg", "watson-9"), ("newton-cg", "meyer"), ("trust-ncg", "meyer")}
#: A thousand steps along Meyer's valley multiply roundings, which exp and BLAS have their own on every processor, until
#: they decide whether the end is reached.
UNSURE = {("dfp", "meyer")}
#: These take as long as all others together, to get nowhere.
LONG = {("cg", "watson-9"), ("dfp", "meyer")}
#: Watson's gradient is within 1e-6 also where the value is twice the least one.
TOLERANCES = {"watson-9": 1e-7}


@pytest.mark.parametrize(
    ("name", "method"),
    [
        pytest.param(name, method, marks=pytest.mark.exhaustive if (method, name) in LONG else ())
        for name in PROBLEMS
        for method in ("lbfgs", "bfgs", "dfp", "cg", "newton-cg", "trust-ncg")
    ],
)
def test_a_known_minimum_is_found(name: str, method: str) -> None:
    problem, gtol = PROBLEMS[name], TOLERANCES.get(name, 1e-6)
    # Of the solved ones, conjugate gradients take the most iterations, for osborne-1: 1000 to 3000.
    options = {"gtol": gtol, "maxiter": 6000} | ({"ftol": 0.0} if method == "lbfgs" else {})
    with np.errstate(all="ignore"):  # trials may overflow
        result = minimize(problem.squares, problem.start, jac=problem.gradient, method=method, options=options)
    found = any(result.fun == pytest.approx(least, rel=1e-3, abs=1e-6) for least in problem.minima)
    assert result.fun < problem.squares(problem.start)
    assert result.success == (np.abs(result.jac).max() <= gtol)
    if (method, name) in UNSOLVED:
        assert not result.success
    elif (method, name) not in UNSURE:
        assert found
        assert result.status is (Status.NO_DECREASE if name == "meyer" else Status.GRADIENT)
