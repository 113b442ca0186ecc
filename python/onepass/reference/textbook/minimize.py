"""Through which points does a minimizer come? By name, as in `onepass.solve.smooth.minimize`."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Any

from onepass.arrays import Array
from onepass.reference.textbook.conjugate_gradient import ConjugateGradient
from onepass.reference.textbook.descent import Rule, ValueAndGradient, descend
from onepass.reference.textbook.gradient_descent import GradientDescent
from onepass.reference.textbook.lbfgs import LimitedMemory
from onepass.reference.textbook.newton import Newton
from onepass.reference.textbook.newton_cg import NewtonCG
from onepass.reference.textbook.quasi_newton import QuasiNewton
from onepass.reference.textbook.trust_region import STEPS, trust_region

#: The rules of the methods with a line search, and the c2 of their strong Wolfe conditions.
RULES: dict[str, tuple[Callable[..., Rule], float]] = {
    "newton": (Newton, 0.9),
    "newton-cg": (NewtonCG, 0.9),
    "cg": (ConjugateGradient, 0.4),
    "bfgs": (lambda: QuasiNewton("bfgs"), 0.9),
    "dfp": (lambda: QuasiNewton("dfp"), 0.1),
    "lbfgs": (LimitedMemory, 0.9),
    "gd": (GradientDescent, 0.4),
}
NEED_HESSIAN = ("newton", "newton-cg")


def minimize(
    fun: ValueAndGradient,
    x0: Array,
    method: str,
    *,
    iterations: int,
    hess: Callable[[Array], Array] | None = None,
    c1: float = 1e-4,
    c2: float | None = None,
    **options: Any,
) -> list[Array]:
    """The start and at most so many points after it; fewer where no step decreases the value any more.

    Args:
        fun: the value and the gradient.
        hess: the Hessian, for "newton", "newton-cg" and the trust-region methods.
        c1, c2: the strong Wolfe conditions.
        options: `beta` of "cg", `maxcor` of "lbfgs", and the radii and `eta` of the trust-region methods.
    """
    if method in STEPS:
        assert hess is not None
        return list(islice(trust_region(fun, hess, x0, method, **options), iterations + 1))
    rule, usual_c2 = RULES[method]
    made = rule(hess, **options) if method in NEED_HESSIAN else rule(**options)
    return list(islice(descend(fun, x0, made, c1, usual_c2 if c2 is None else c2), iterations + 1))
