"""How are the parameters found that make residuals small? Nonlinear least squares for one problem."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from onepass.arrays import Array
from onepass.solve.callbacks import Callback
from onepass.solve.result import OptimizeResult, Status
from onepass.solve.squares.dogleg import Dogleg
from onepass.solve.squares.fit import Fit
from onepass.solve.squares.gauss_newton import GaussNewton
from onepass.solve.squares.levenberg_marquardt import levenberg_marquardt
from onepass.solve.squares.losses import Loss, LossName
from onepass.solve.squares.model_steps import model_steps
from onepass.solve.squares.point import Point, Scale
from onepass.solve.squares.residuals import Jacobian, Residuals, User
from onepass.solve.squares.settings import FitSettings, Method

#: No bounds.
UNBOUNDED = (-np.inf, np.inf)


def least_squares(
    residual: Callable[..., Any],
    x0: Any,
    jac: Jacobian = None,
    method: Method = "lm",
    *,
    bounds: Any = UNBOUNDED,
    loss: LossName | Callable[[Array], Any] = "linear",
    f_scale: float = 1.0,
    x_scale: Any = "jac",
    geodesic: bool = False,
    ftol: float = 1e-15,
    xtol: float = 1e-10,
    gtol: float = 1e-10,
    max_nfev: int | None = None,
    callback: Callable[..., object] | None = None,
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
) -> OptimizeResult:
    r"""Finds a local minimum of a sum of squares, or of losses that outliers affect less.

    .. math::
        F(x) = \frac12 \sum_{i=1}^m c^2 \rho\!\left(\frac{f_i(x)^2}{c^2}\right), \qquad l \le x \le u

    All is computed in double precision.

    Args:
        residual: of x, the vector f, shape (m,); called as residual(x, \*args, \*\*kwargs). It gets x read-only.
        x0: start, shape (n,) or a number. It is not changed.
        jac: the Jacobian of f, shape (m, n), called alike; "2-point" for differences, "3-point" for central ones; None
            for simple ones until they have converged, and central ones from there (Dennis and Schnabel 1983, section
            5.6).
        method: "lm", Levenberg-Marquardt; "dogleg", Powell's; "gauss-newton", with a line search.
        bounds: lower and upper, a number or one per parameter each. x0 lies within; so does every x.
        loss: "linear", "huber", "soft_l1", "cauchy", "arctan", or a function of z that gives rho and its two
            derivatives.
        f_scale: c, the size of residuals above which they count less. A linear loss does not depend on it.
        x_scale: sizes of the parameters, a number or one each; "jac" takes the largest norm so far of each column of
            the Jacobian instead.
        geodesic: adds the geodesic acceleration to the steps of "lm", for one more call of residual each.
        ftol: relative change of F, real and promised by the model, below which it is not worth going on.
        xtol: relative change of the scaled x, likewise.
        gtol: the cosine of the angle between f and each column of the Jacobian at which x counts as stationary.
        max_nfev: calls of residual at most, those for differences included; by default 200 (n + 1) Jacobians'
            worth.
        callback: called after every step with a copy of x, or with a result if its parameter is named
            intermediate_result. StopIteration ends the method; any other exception passes through.

    Returns:
        x, cost F, fun f, jac, grad, optimality (its largest absolute value among free parameters), active_mask (-1, 0,
        1: at the lower bound, at none, at the upper), rank of the Jacobian, nfev, njev, nit, status, message, success.
        With a loss, jac is scaled so that jac^T jac approximates the Hessian of F, as in SciPy.

    Raises:
        TypeError, ValueError: naming the argument, or what a function returned.

    Example:
        >>> import numpy as np
        >>> from onepass.solve import least_squares
        >>> least_squares(lambda x: np.array([10 * (x[1] - x[0] ** 2), 1 - x[0]]), [-1.2, 1.0]).x.round(6)
        array([1., 1.])

    References:
        Moré, The Levenberg-Marquardt algorithm: implementation and theory (1978). Nielsen, IMM-REP-1999-05. Transtrum
        and Sethna, arXiv:1201.5885. Kanzow, Yamashita and Fukushima, J. Comput. Appl. Math. 172 (2004), for bounds.
    """
    x = start(x0, ("n",))
    box = checked_bounds(bounds, x)
    settings = FitSettings(ftol, xtol, gtol, f_scale, method, geodesic, max_nfev)
    residuals = Residuals(User(residual, jac, args, kwargs or {}, box))
    per_jacobian = residuals.cost_of_jacobian(x.size)
    budget = settings.max_nfev or 200 * (x.size + 1) * (1 + per_jacobian)
    rho, scale, proceed = Loss(loss, settings.f_scale), Scale(x_scale, x), Callback(callback)

    point, nit = Point(x, residuals(x), rho), 0
    if not np.isfinite(point.cost):
        status = Status.NONFINITE_START
    elif residuals.nfev + per_jacobian > budget:
        status = Status.MAX_EVALUATIONS
    else:
        fit = Fit(residuals, rho, box, scale, settings, budget, proceed)
        if settings.method == "lm":
            point, status, nit = levenberg_marquardt(fit, point, settings.geodesic)
        else:
            point, status, nit = model_steps(
                fit, point, Dogleg if settings.method == "dogleg" else lambda _: GaussNewton()
            )
    return point.result(status, residuals, box, nit)


def start(x0: Any, axes: Sequence[str]) -> Array:
    """A copy of the start in double precision, with axes of these names."""
    x = np.atleast_1d(np.asarray(x0))
    if x.dtype.kind not in "fiu" or x.dtype.itemsize > 8:
        raise TypeError(f"x0 must be an array of real numbers, at most float64, got dtype {x.dtype}")
    if x.ndim != len(axes) or not x.size:
        shape = f"({axes[0]},)" if len(axes) == 1 else f"({', '.join(axes)})"
        raise ValueError(
            f"x0 must have the shape {shape} with {' and '.join(f'{axis} > 0' for axis in axes)}, got {x.shape}"
        )
    if not np.isfinite(x).all():
        raise ValueError("x0 must be finite")
    return x.astype(np.float64)


def checked_bounds(bounds: Any, x: Array) -> tuple[Array, Array] | None:
    """The bounds of each parameter, or None if there are none; x has the shape (..., n) and lies within."""
    if bounds is UNBOUNDED:
        return None
    try:
        lower, upper = (np.broadcast_to(np.asarray(side, np.float64), x.shape[-1:]) for side in bounds)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"bounds must be a pair, lower and upper, of numbers or of arrays of shape ({x.shape[-1]},)"
        ) from error
    if not (lower < upper).all():
        raise ValueError("bounds: each lower bound must be below the upper one")
    if not ((x >= lower) & (x <= upper)).all():
        raise ValueError("x0 must lie within the bounds")
    return None if np.isinf(lower).all() and np.isinf(upper).all() else (lower, upper)
