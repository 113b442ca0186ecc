"""Which method minimizes, and with which options? The call is SciPy's."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from onepass.arrays import Array
from onepass.solve.derivatives import Scheme
from onepass.solve.result import OptimizeResult
from onepass.solve.smooth.arguments import (
    checked_bounds,
    checked_inverse,
    checked_start,
    checked_steps,
    refuse_constraints,
)
from onepass.solve.smooth.bounded import bounded
from onepass.solve.smooth.bounded_directions import Bounded, BoundedQuasiNewton
from onepass.solve.smooth.box import Hessian, Limits, projected_step
from onepass.solve.smooth.conjugate_gradient import ConjugateGradient
from onepass.solve.smooth.curvature import Curvature
from onepass.solve.smooth.descent import Rule, descend
from onepass.solve.smooth.gradient_descent import GradientDescent
from onepass.solve.smooth.lbfgs import LimitedMemory
from onepass.solve.smooth.line_search import Wolfe
from onepass.solve.smooth.methods import (
    WITH_MATRIX,
    WITH_PRODUCTS,
    BFGSOptions,
    CGOptions,
    LBFGSOptions,
    LineSearchOptions,
    Method,
    Name,
    NewtonCGOptions,
    Options,
    TrustExactOptions,
    TrustKrylovOptions,
    TrustOptions,
    checked_method,
    checked_options,
)
from onepass.solve.smooth.newton import Newton, newtons
from onepass.solve.smooth.newton_cg import NewtonCG, truncated
from onepass.solve.smooth.objective import Objective
from onepass.solve.smooth.quasi_newton import QuasiNewton
from onepass.solve.smooth.trust_exact import exact
from onepass.solve.smooth.trust_krylov import krylov
from onepass.solve.smooth.trust_region import Ball, trust_region
from onepass.solve.smooth.watch import Watch
from onepass.solve.workers import mapping


def minimize(
    fun: Callable[..., Any],
    x0: Any,
    args: Any = (),
    method: Method | None = None,
    jac: Callable[..., Any] | bool | Scheme | None = None,
    hess: Any = None,
    hessp: Callable[..., Any] | None = None,
    bounds: Any = None,
    constraints: Any = (),
    tol: float | None = None,
    callback: Callable[..., object] | None = None,
    options: Mapping[str, Any] | None = None,
) -> OptimizeResult:
    """Seeks a local minimizer of a smooth function. The call is that of `scipy.optimize.minimize`.

    Args:
        fun: ``fun(x, *args)`` is the value. x is a copy that may be kept and changed.
        x0: the start, one-dimensional, of float32 or float64; other numbers are taken as float64. It is not written to.
        args: a tuple; anything else is the only further argument.
        method: "newton", "newton-cg", "trust-ncg", "trust-exact", "trust-krylov", "cg", "bfgs", "dfp", "lbfgs" or "gd",
            or as SciPy spells it, "BFGS" or "L-BFGS-B"; None is "lbfgs". Case does not matter, but type checkers know
            these spellings alone.
        jac: ``jac(x, *args)`` is the gradient; True if fun returns the value and the gradient; "2-point", "3-point" or
            "cs" for differences of values, the last by a complex step; None (or False) for simple ones until they tell
            no way down any more, and central ones from there.
        hess: ``hess(x, *args)`` is the Hessian, an array or what multiplies with one by ``@``; or "2-point", "3-point"
            or "cs" for differences of gradients; or an object that is updated, as SciPy's BFGS and SR1. "newton" and
            "trust-exact" need it, "newton-cg", "trust-ncg" and "trust-krylov" may use it.
        hessp: ``hessp(x, p, *args)`` is the Hessian times p. Without it and hess, gradients are differenced.
        bounds: for all methods but "cg" and "gd": pairs (lower, upper), None or an infinity for none, or an object with
            `lb` and `ub`. No function is called outside. A start that is outside is moved to the nearest point within;
            variables with equal bounds are fixed.
        constraints: there must be none.
        tol: sets gtol and, for "lbfgs", ftol.
        callback: called after every iteration with a copy of x or, if its parameter is named intermediate_result, with
            an `OptimizeResult`. StopIteration ends the method with the point it has; other exceptions pass through.
        options: by name; what there is depends on the method, see docs/minimize.md. One of None is the default.

    Returns:
        x, fun, jac, success, status, message, nit, nfev, njev, nhev; for "bfgs", "dfp" and "lbfgs" hess_inv, too; with
        return_all, allvecs.

    Raises:
        TypeError, ValueError: an argument is wrong, or a function returns something of a wrong shape or kind.

    Example:
        >>> import numpy as np
        >>> from onepass.solve import minimize
        >>> result = minimize(lambda x: ((x - 3) ** 2).sum(), np.zeros(2), jac=lambda x: 2 * (x - 3))
        >>> result.success, result.x
        (True, array([3., 3.]))
    """
    start = checked_start(x0)
    name = checked_method(method)
    settings = checked_options(name, options, tol, start)
    limits = None if bounds is None else checked_bounds(bounds, name, start)
    refuse_constraints(constraints)
    if name in WITH_MATRIX and hess is None:
        raise ValueError(f"method {name!r} needs hess; {', '.join(WITH_PRODUCTS)} do without")
    has_gradient = callable(jac) or jac is True
    if isinstance(hess, str) and not has_gradient:
        raise ValueError(f"hess={hess!r} differences gradients: it needs jac, a function or True")
    if name in WITH_PRODUCTS and hess is None and hessp is None and not has_gradient:
        raise ValueError(f"method {name!r} needs jac, or hess or hessp: it differences gradients for want of a Hessian")
    more = args if isinstance(args, tuple) else (args,)
    with mapping(settings.workers) as each:
        steps = checked_steps(settings, start, each)
        objective = Objective(fun, start.size, jac=jac, args=more, bounds=limits, limit=settings.maxfun, steps=steps)
        curvature = Curvature(objective, hess, hessp, more, limits)
        watch = Watch(
            objective,
            curvature,
            gtol=settings.gtol,
            ftol=settings.ftol,
            maxiter=settings.maxiter,
            callback=callback,
            measure=measure(settings.norm, limits),
            is_short=is_short(settings),
            keeps_all=settings.return_all,
        )
        result = run(name, objective, curvature, start, settings, limits, watch)
    if settings.disp:
        print(result)
    return result


def run(
    name: Name,
    objective: Objective,
    curvature: Curvature,
    x0: Array,
    settings: Options,
    limits: Limits | None,
    watch: Watch,
) -> OptimizeResult:
    """Runs the method of this name."""
    hessian = curvature.matrix if name in WITH_MATRIX else curvature.product
    if isinstance(settings, TrustOptions):
        return trust_region(
            objective,
            hessian,
            x0,
            watch,
            ball(settings),
            limits,
            initial_trust_radius=settings.initial_trust_radius,
            max_trust_radius=settings.max_trust_radius,
            eta=settings.eta,
        )
    assert isinstance(settings, LineSearchOptions)
    wolfe = Wolfe(settings.c1, settings.c2, settings.maxls, float(np.finfo(x0.dtype).eps))
    if limits is None:
        return descend(objective, x0, rule(name, curvature, x0, settings), watch, wolfe)
    if isinstance(settings, LBFGSOptions):
        return bounded(objective, x0, *limits, watch, wolfe, settings.maxcor)
    return descend(objective, x0, rule_within(name, hessian, x0, settings, limits), watch, wolfe, limits)


def ball(settings: TrustOptions) -> Ball:
    """The way to the minimizer of a model in a ball."""
    if isinstance(settings, TrustExactOptions):
        return partial(exact, iterations=settings.subproblem_maxiter)
    return partial(krylov, inexact=settings.inexact) if isinstance(settings, TrustKrylovOptions) else truncated


def rule(name: Name, curvature: Curvature, x0: Array, settings: LineSearchOptions) -> Rule:
    """The directions of the method of this name."""
    if isinstance(settings, CGOptions):
        return ConjugateGradient(settings.beta)
    if isinstance(settings, LBFGSOptions):
        return LimitedMemory(settings.maxcor, x0.size, x0.dtype)
    if isinstance(settings, BFGSOptions):
        initial = None if settings.hess_inv0 is None else checked_inverse(settings.hess_inv0, x0)
        return QuasiNewton(x0.size, x0.dtype, name, initial)
    if name == "gd":
        return GradientDescent()
    return Newton(curvature) if name == "newton" else NewtonCG(curvature)


def rule_within(
    name: Name,
    hessian: Callable[[Array, Array], Hessian],
    x0: Array,
    settings: LineSearchOptions,
    limits: Limits,
) -> Rule:
    """The directions of the method of this name within bounds."""
    if isinstance(settings, BFGSOptions):
        initial = None if settings.hess_inv0 is None else checked_inverse(settings.hess_inv0, x0)
        return BoundedQuasiNewton(x0.size, x0.dtype, name, initial, limits)
    if name == "newton":
        return Bounded(hessian, lambda h, g, squared, radius: newtons(h, g), limits)
    return Bounded(hessian, lambda h, g, squared, radius: truncated(h, g, squared)[0], limits)


def measure(norm: float, limits: Limits | None) -> Callable[[Array, Array], float] | None:
    """How far from stationary a gradient is, if that is not its largest absolute value."""
    if limits is None:
        return None if norm == math.inf else lambda x, g: float(np.linalg.norm(g, norm))
    if norm == math.inf:  # in a third of the time
        return lambda x, g: float(np.abs(projected_step(x, g, *limits)).max())
    return lambda x, g: float(np.linalg.norm(projected_step(x, g, *limits), norm))


def is_short(settings: Options) -> Callable[[Array, Array], bool] | None:
    """Whether a step from one point to another is within the tolerance, if there is one."""
    if isinstance(settings, BFGSOptions) and settings.xrtol:
        share = settings.xrtol
        return lambda start, x: bool(np.linalg.norm(x - start) <= share * (share + np.linalg.norm(x)))
    if isinstance(settings, NewtonCGOptions) and settings.xtol:
        average = settings.xtol
        return lambda start, x: bool(np.abs(x - start).mean() <= average)
    return None
