"""Which parameters bring a curve near to data? SciPy's call, made of least squares and their covariance."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from onepass._core import is_finite
from onepass.arrays import Array
from onepass.solve.result import OptimizeWarning
from onepass.solve.squares.arguments import (
    UNBOUNDED,
    checked_bounds,
    method_of,
    of_tolerances,
    relative_steps,
    sides,
    start,
)
from onepass.solve.squares.covariance import covariance_of, free_of
from onepass.solve.squares.fitting import fitted
from onepass.solve.squares.leastsq import IER, factors
from onepass.solve.squares.residuals import Bounds, Curve, Jacobian, User, weighted
from onepass.solve.squares.second_look import DOUBTFUL
from onepass.solve.squares.settings import FitSettings, settings_of

#: What becomes an array of doubles.
ARRAYS = (list, tuple, np.ndarray)
#: What makes residuals independent and equally certain by the Cholesky factor of a covariance, if there is one.
Whitening = Callable[[Any], Any] | None


def curve_fit(
    f: Callable[..., Any],
    xdata: Any,
    ydata: Any,
    p0: Any = None,
    sigma: Any = None,
    absolute_sigma: bool = False,
    check_finite: bool | None = None,
    bounds: Any = UNBOUNDED,
    method: Any = None,
    jac: Jacobian = None,
    *,
    full_output: bool = False,
    nan_policy: Any = None,
    **options: Any,
) -> tuple[Any, ...]:
    r"""Fits a curve to data by least squares: the parameters, and their covariance.

    .. math::
        \min_p \tfrac12 \sum_i \left(\frac{f(x_i, p) - y_i}{\sigma_i}\right)^2

    Args:
        f: the curve, called as f(xdata, \*p); of shape (m,).
        xdata: what f takes, passed on as an array of doubles if it is an array, list or tuple.
        ydata: shape (m,).
        p0: start, shape (n,); by default ones, or inside the bounds.
        sigma: the standard deviations of ydata, a number or shape (m,), or their covariance, shape (m, m).
        absolute_sigma: sigma is meant as it is; else it is scaled by what the residuals say.
        check_finite: raises where data are not finite; True by default without a nan_policy.
        bounds: as in `least_squares`.
        method: as in `least_squares`; "lm" by default.
        jac: the Jacobian of f, of shape (m, n), called as f is; or a scheme as in `least_squares`.
        full_output: returns more.
        nan_policy: "raise", or "omit" for fitting the points without NaN.
        options: of `least_squares`: ftol, xtol, gtol, x_scale, loss, f_scale, diff_step, max_nfev (also maxfev),
            verbose, geodesic, callback.

    Returns:
        The parameters, shape (n,), and their covariance, shape (n, n): as `covariance` has it, and inf throughout where
        it is not determined. With full_output also a dict with nfev, fvec and MINPACK's fjac, ipvt and qtf; a message;
        and MINPACK's number of success, 1 to 4.

    Raises:
        RuntimeError: the fit did not converge; the message says why.
        TypeError, ValueError: naming the argument, or what a function returned.

    Example:
        >>> import numpy as np, onepass as op
        >>> t = np.arange(4.0)
        >>> p, cov = op.curve_fit(lambda t, a, b: a + b * t, t, [0.0, 1.0, 2.0, 4.0])
        >>> p.round(3), np.sqrt(np.diag(cov)).round(4)
        (array([-0.2,  1.3]), array([0.324 , 0.1732]))

    Reference:
        Bates and Watts, Nonlinear Regression Analysis and Its Applications (1988), chapter 2.
    """
    p0 = None if p0 is None else np.asarray(p0)
    n = parameters_of(f) if p0 is None else p0.size
    if not n:
        raise ValueError("p0 must have a number for each parameter, at least one; there is nothing to fit")
    box = None if bounds is UNBOUNDED else sides(bounds, n)
    x = start(inside(box, n) if p0 is None else p0.reshape(-1), ("n",))
    xdata, y, sigma = checked_data(xdata, ydata, sigma, check_finite, nan_policy)
    if method in (None, "lm") and box is None and n > y.size > 1:
        raise TypeError(
            f"The number of func parameters={n} must not exceed the number of data points={y.size}; least_squares may"
        )
    settings, steps, run = chosen(options, method, n) if options or method is not None else USUAL
    user = user_of(f, jac, xdata, y, sigma, checked_bounds(bounds, x), steps)
    found, residuals = fitted(user, x, settings, settled=DOUBTFUL, **run)
    point, status = found.point, found.status
    if not status.success:
        raise RuntimeError(f"the fit did not converge: {status.message}")
    free = None if user.bounds is None else free_of(point.jac, point.gradient, point.active(user.bounds))
    covariance = covariance_of(point.jac, free, point.cost, known_noise=absolute_sigma)
    if not is_finite(covariance):
        covariance = np.full((n, n), np.inf)
        warnings.warn(
            "Covariance of the parameters could not be estimated: the data do not determine it",
            OptimizeWarning,
            stacklevel=2,
        )
    if not full_output:
        return point.x.copy(), covariance
    more = {"nfev": residuals.nfev, "fvec": point.f, **factors(point.jac, point.f)}
    return point.x.copy(), covariance, more, status.message, IER[status]


def chosen(options: dict[str, Any], method: Any, n: int) -> tuple[FitSettings, Array | None, dict[str, Any]]:
    """The settings, the steps of differences, and what else `fitted` takes."""
    settings = settings_of(
        *of_tolerances(options.pop("ftol", 1e-15), options.pop("xtol", 1e-10), options.pop("gtol", 1e-10)),
        options.pop("f_scale", 1.0),
        "lm" if method is None else method_of(method),
        options.pop("geodesic", False),
        options.pop("max_nfev", None) or options.pop("maxfev", None) or None,
        options.pop("verbose", 0),
    )
    steps = relative_steps(options.pop("diff_step", None), n)
    run: dict[str, Any] = {name: options.pop(name) for name in ("loss", "x_scale", "callback") if name in options}
    if "args" in options:
        raise ValueError("curve_fit has no args: close over them, as in lambda x, a, b: f(x, a, b, 3.0)")
    if unknown := [name for name in options if name != "maxfev"]:
        raise TypeError(f"curve_fit has no option {unknown[0]!r}; least_squares or leastsq may have")
    return settings, steps, run


#: Without options.
USUAL = chosen({}, None, 1)


def parameters_of(f: Callable[..., Any]) -> int:
    """How many parameters a curve has, after its first argument."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    n = sum(parameter.kind in kinds for parameter in inspect.signature(f).parameters.values()) - 1
    if n < 1:
        raise ValueError("f does not say how many parameters it has: pass p0")
    return n


def inside(box: tuple[Array, Array] | None, n: int) -> Array:
    """A start: ones, or within the bounds, as SciPy has it."""
    if box is None:
        return np.ones(n)
    lower, upper = box
    has_lower, has_upper = np.isfinite(lower), np.isfinite(upper)
    with np.errstate(invalid="ignore"):
        middle = 0.5 * (lower + upper)
    return np.select([has_lower & has_upper, has_lower, has_upper], [middle, lower + 1, upper - 1], 1.0)


def checked_data(
    xdata: Any, ydata: Any, sigma: Any, check_finite: bool | None, nan_policy: Any
) -> tuple[Any, Array, Array | None]:
    """The data as doubles, of which the points with NaN are left out if nan_policy says so."""
    if nan_policy not in (None, "raise", "omit"):
        if nan_policy == "propagate":
            raise ValueError("`nan_policy='propagate'` is not supported by this function.")
        raise ValueError(f"nan_policy must be one of {{None, 'raise', 'omit'}}, got {nan_policy!r}")
    if isinstance(xdata, ARRAYS):
        xdata = np.asarray(xdata, np.float64)
    y = np.asarray(ydata, np.float64)
    if not y.size:
        raise ValueError("ydata must not be empty")
    sigma = None if sigma is None else np.asarray(sigma, np.float64)
    has_x = isinstance(xdata, np.ndarray)
    if check_finite or (check_finite is None and nan_policy is None):
        for name, data in (("xdata", xdata), ("ydata", y)) if has_x else (("ydata", y),):
            if not is_finite(data):
                raise ValueError(f'{name} must be finite; nan_policy="omit" leaves points with NaN out')
    elif nan_policy is not None:
        is_nan = np.isnan(y)
        if has_x:
            is_nan = is_nan | np.isnan(xdata).reshape(-1, xdata.shape[-1]).any(axis=0)
        if is_nan.any():
            if nan_policy == "raise":
                raise ValueError("The input contains nan values")
            has_number = ~is_nan
            y = y[has_number]
            xdata = xdata[..., has_number] if has_x else xdata
            if sigma is not None and sigma.ndim:
                sigma = sigma[has_number] if sigma.ndim == 1 else sigma[np.ix_(has_number, has_number)]
    return xdata, y, sigma


def whitening(sigma: Array | None, m: int) -> tuple[Array | None, Whitening]:
    """What makes residuals, and columns of their Jacobian, independent and equally certain: weights, or a function."""
    if sigma is None:
        return None, None
    if sigma.size == 1 or sigma.shape == (m,):
        if not (sigma > 0).all():
            raise ValueError("sigma must be above 0")
        return np.broadcast_to(1 / (sigma.reshape(-1) if sigma.size == 1 else sigma), m), None
    if sigma.shape != (m, m):
        raise ValueError(f"sigma must be a number, of shape ({m},) or of shape ({m}, {m}), got {sigma.shape}")
    try:
        factor = np.linalg.cholesky(sigma)
    except np.linalg.LinAlgError as error:
        raise ValueError("sigma must be positive definite, as covariances are") from error
    return None, lambda f: np.linalg.solve(factor, f)


def user_of(
    f: Callable[..., Any], jac: Jacobian, xdata: Any, y: Array, sigma: Array | None, bounds: Bounds, steps: Array | None
) -> User:
    """The curve, made residuals, by the core where each residual is by itself."""
    weights, white = whitening(sigma, y.size)
    if white is None and y.ndim == 1 and jac != "cs":
        return User(f, jac, (), {}, bounds, "f", steps, None, None, None, Curve(xdata, y, weights))

    def whitened(found: Any) -> Any:
        if white is not None:
            return white(np.asarray(found))
        return found if weights is None else weighted(found, weights)

    slopes = (lambda p: whitened(np.asarray(jac(xdata, *p)))) if callable(jac) else jac
    return User(lambda p: whitened(f(xdata, *p) - y), slopes, (), {}, bounds, "f", steps)
