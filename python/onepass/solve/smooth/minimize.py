"""Which method minimizes, and with which options? The call is SciPy's."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from onepass.arrays import Array
from onepass.solve.derivatives import Scheme
from onepass.solve.result import OptimizeResult
from onepass.solve.smooth.bounded import bounded, projected_gradient
from onepass.solve.smooth.conjugate_gradient import ConjugateGradient
from onepass.solve.smooth.descent import Rule, descend
from onepass.solve.smooth.gradient_descent import GradientDescent
from onepass.solve.smooth.lbfgs import LimitedMemory
from onepass.solve.smooth.line_search import Wolfe
from onepass.solve.smooth.methods import (
    CGOptions,
    LBFGSOptions,
    LineSearchOptions,
    Method,
    Name,
    Options,
    TrustOptions,
    checked_method,
    checked_options,
)
from onepass.solve.smooth.newton import Newton
from onepass.solve.smooth.newton_cg import NewtonCG
from onepass.solve.smooth.objective import FLOATS, Objective
from onepass.solve.smooth.quasi_newton import QuasiNewton
from onepass.solve.smooth.trust_region import trust_ncg
from onepass.solve.smooth.watch import Watch


def minimize(
    fun: Callable[..., Any],
    x0: Any,
    *,
    jac: Callable[..., Any] | bool | Scheme | None = None,
    hess: Callable[..., Any] | None = None,
    hessp: Callable[..., Any] | None = None,
    method: Method = "lbfgs",
    bounds: Any = None,
    tol: float | None = None,
    callback: Callable[..., object] | None = None,
    options: Mapping[str, Any] | None = None,
    args: tuple[Any, ...] = (),
) -> OptimizeResult:
    """Seeks a local minimizer of a smooth function.

    Args:
        fun: ``fun(x, *args)`` is the value. x is a read-only view that is good until the next call: copy it to keep
            it.
        x0: the start, one-dimensional, of float32 or float64; other numbers are taken as float64. It is not written to.
        jac: ``jac(x, *args)`` is the gradient; True if fun returns the value and the gradient; None, "2-point" or
            "3-point" for differences of values.
        hess: ``hess(x, *args)`` is the Hessian, which "newton" needs and "newton-cg" and "trust-ncg" may use.
        hessp: ``hessp(x, p, *args)`` is the Hessian times p. Without it and hess, gradients are differenced.
        method: "newton", "newton-cg", "trust-ncg", "cg", "bfgs", "dfp", "lbfgs" or "gd", or as SciPy spells it, "BFGS"
            or "L-BFGS-B"; case does not matter, but type checkers know these spellings alone.
        bounds: for "lbfgs": pairs (lower, upper), None or an infinity for none, or an object with `lb` and `ub`.
        tol: sets gtol and, for "lbfgs", ftol.
        callback: called after every iteration with a copy of x or, if its parameter is named intermediate_result, with
            an `OptimizeResult`. StopIteration ends the method with the point it has; other exceptions pass through.
        options: by name; what there is depends on the method, see docs/minimize.md.

    Returns:
        x, fun, jac, success, status, message, nit, nfev, njev, nhev; for "bfgs" and "dfp" hess_inv, too.

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
    if name == "newton" and hess is None:
        raise ValueError('method "newton" needs hess; "newton-cg" and "trust-ncg" do without')
    if name in ("newton-cg", "trust-ncg") and hess is None and hessp is None and not (callable(jac) or jac is True):
        raise ValueError(f"method {name!r} needs jac, or hess or hessp: it differences gradients for want of a Hessian")
    objective = Objective(fun, start.size, jac=jac, hess=hess, hessp=hessp, args=tuple(args), bounds=limits)
    watch = Watch(
        objective,
        gtol=settings.gtol,
        ftol=settings.ftol,
        maxiter=settings.maxiter,
        maxfun=settings.maxfun,
        callback=callback,
        measure=None if limits is None else lambda x, g: projected_gradient(x, g, *limits),
    )
    result = run(name, objective, start, settings, limits, watch)
    if settings.disp:
        print(result)
    return result


def run(
    name: Name, objective: Objective, x0: Array, settings: Options, limits: tuple[Array, Array] | None, watch: Watch
) -> OptimizeResult:
    """Runs the method of this name."""
    if isinstance(settings, TrustOptions):
        return trust_ncg(
            objective,
            x0,
            watch,
            initial_trust_radius=settings.initial_trust_radius,
            max_trust_radius=settings.max_trust_radius,
            eta=settings.eta,
        )
    assert isinstance(settings, LineSearchOptions)
    wolfe = Wolfe(settings.c1, settings.c2, settings.maxls, float(np.finfo(x0.dtype).eps))
    if limits is not None:
        assert isinstance(settings, LBFGSOptions)
        return bounded(objective, x0, *limits, watch, wolfe, settings.maxcor)
    return descend(objective, x0, rule(name, objective, x0, settings), watch, wolfe)


def rule(name: Name, objective: Objective, x0: Array, settings: LineSearchOptions) -> Rule:
    """The directions of the method of this name."""
    if isinstance(settings, CGOptions):
        return ConjugateGradient(settings.beta)
    if isinstance(settings, LBFGSOptions):
        return LimitedMemory(settings.maxcor)
    if name in ("bfgs", "dfp"):
        return QuasiNewton(x0.size, x0.dtype, name)
    if name == "gd":
        return GradientDescent()
    return Newton(objective) if name == "newton" else NewtonCG(objective)


def checked_start(x0: Any) -> Array:
    """The start as a contiguous vector of float32 or float64."""
    start = np.atleast_1d(np.asarray(x0))
    if start.ndim != 1 or not start.size:
        raise ValueError(f"x0 must be a vector with at least one element, got the shape {np.shape(x0)}")
    if start.dtype.kind not in "fiub" or start.dtype.itemsize > 8:
        raise TypeError(f"x0 must be of float32, float64 or integers, got {start.dtype}")
    start = np.ascontiguousarray(start, start.dtype if start.dtype in FLOATS else np.float64)
    if not np.isfinite(start).all():
        raise ValueError("x0 must be finite")
    return start


def checked_bounds(bounds: Any, method: Name, x0: Array) -> tuple[Array, Array]:
    """The lower and the upper bounds as vectors of x0's dtype."""
    if method != "lbfgs":
        raise ValueError(f'only method "lbfgs" takes bounds, got {method!r}')
    if hasattr(bounds, "lb"):
        pairs = [bounds.lb, bounds.ub]
    else:
        if len(bounds) != x0.size or any(len(pair) != 2 for pair in bounds):
            raise ValueError(f"bounds must be {x0.size} pairs (lower, upper)")
        pairs = [
            [-math.inf if low is None else low for low, _ in bounds],
            [math.inf if high is None else high for _, high in bounds],
        ]
    lower, upper = (np.broadcast_to(np.asarray(side, x0.dtype), x0.shape) for side in pairs)
    wrong = np.flatnonzero(~(lower <= upper))
    if wrong.size:
        j = wrong[0]
        raise ValueError(f"bounds[{j}] must be a lower and a larger upper bound, got {lower[j]} and {upper[j]}")
    return lower, upper
