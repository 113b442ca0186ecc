"""How are curves fitted to thousands of data sets at once, each with its covariance?"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from inspect import signature
from typing import Any, Literal

import numpy as np

from onepass._core import Data, LevenbergMarquardt, inverse_squares
from onepass.arrays import Array
from onepass.solve.derivatives import differences
from onepass.solve.result import OptimizeWarning
from onepass.solve.squares.arguments import UNBOUNDED, sides, sides_at
from onepass.solve.squares.covariance import covariance_of, free_of
from onepass.solve.squares.curve_fit import inside, parameters_of
from onepass.solve.squares.fit import ROUGH
from onepass.solve.squares.least_squares_batch import least_squares_batch, solved

#: Data sets whose covariances are made at once: what they need stays in the cache.
COVARIANCES = 512
#: Up to this condition the last simple differences leave a covariance five digits; beyond it there are central ones.
CERTAIN = 1e3


def curve_fit_batch(
    f: Callable[..., Any],
    xdata: Any,
    ydata: Any,
    p0: Any = None,
    sigma: Any = None,
    absolute_sigma: bool = False,
    *,
    bounds: Any = UNBOUNDED,
    jac: Callable[..., Any] | Literal["2-point", "3-point"] | None = None,
    full_output: bool = False,
    **options: Any,
) -> tuple[Any, ...]:
    r"""Fits one curve to each of B data sets, by `least_squares_batch`: the parameters of each, and their covariances.

    .. math::
        \min_{p_b} \tfrac12 \sum_i \left(\frac{f(x_{bi}, p_b) - y_{bi}}{\sigma_{bi}}\right)^2, \qquad b = 1, \dots, B

    Args:
        f: the curve, called as f(x, \*p) for k of the sets at once: x is of shape (m,), or (k, m) if each set has its
            own, and each parameter is of shape (k, 1), so that plain arithmetic is right as it is. It returns the
            shape (k, m).
        xdata: shape (m,), or (B, m).
        ydata: shape (B, m), finite.
        p0: starts, shape (n,) or (B, n); by default as in `curve_fit`.
        sigma: standard deviations of ydata: a number, shape (m,) or (B, m).
        absolute_sigma: sigma is meant as it is; else it is scaled by what the residuals of the set say.
        bounds: lower and upper, each a number, one per parameter, shape (n,), or those of each set, shape (B, n).
        jac: the derivatives of f, shape (k, m, n), called as f is; or a scheme of differences.
        full_output: returns the result of `least_squares_batch` as well, which says of each set whether it converged.
        options: of `least_squares_batch`: loss, f_scale, ftol, xtol, gtol, max_iter, geodesic, callback, block,
            workers; with simple differences the tolerances are 1e-12, 1e-8 and 1e-8 by default, which these are good
            for.

    Returns:
        The parameters, shape (B, n), and their covariances, shape (B, n, n): those of `curve_fit`, and inf throughout
        where a fit did not converge or its data do not determine them.

    Raises:
        TypeError, ValueError: naming the argument, or what a function returned.

    Warns:
        OptimizeWarning: some fits did not converge.

    Example:
        >>> import numpy as np, onepass as op
        >>> t, rates = np.linspace(0, 1, 20), np.array([1.0, 2.0, 3.0])
        >>> y = np.exp(-rates[:, None] * t) + 0.01 * np.cos(40 * t)
        >>> p, cov = op.curve_fit_batch(lambda t, a, b: a * np.exp(-b * t), t, y)
        >>> p.round(1).tolist(), cov.shape
        ([[1.0, 1.0], [1.0, 2.0], [1.0, 3.0]], (3, 2, 2))

    Reference:
        Bates and Watts, Nonlinear Regression Analysis and Its Applications (1988), chapter 2.
    """
    y = np.asarray(ydata, np.float64)
    if y.ndim != 2 or not y.size or not np.isfinite(y).all():
        raise ValueError(f"ydata must be finite and of the shape (B, m), got {y.shape}")
    x = np.asarray(xdata, np.float64)
    if x.shape not in (y.shape, y.shape[1:]) or not np.isfinite(x).all():
        raise ValueError(f"xdata must be finite and of the shape {y.shape[1:]} or {y.shape}, got {x.shape}")
    if p0 is None:
        n = parameters_of(f)
        p0 = inside(None if bounds is UNBOUNDED else sides(bounds, n, len(y)), n)
    p0 = np.asarray(p0)
    start = np.broadcast_to(p0, (len(y), p0.shape[-1])) if p0.ndim == 1 else p0
    if start.ndim != 2 or len(start) != len(y):
        raise ValueError(f"p0 must have the shape (n,) or ({len(y)}, n), got {p0.shape}")
    weights = None if sigma is None else weights_of(sigma, y.shape)
    data = Data(y, weights)

    def at(function: Callable[..., Any], p: Array, index: Array) -> Any:
        return function(x if x.ndim == 1 else x[index], *p.T[:, :, None])

    def values(p: Array, index: Array) -> Any:
        found, shape = at(f, p, index), (index.size, y.shape[1])
        return found if np.shape(found) == shape else np.broadcast_to(found, shape)

    def residual(p: Array, index: Array) -> Array:
        return data.subtracted(values(p, index), index)

    def slopes(p: Array, index: Array) -> Any:
        found = at(jac, p, index)  # type: ignore[arg-type]
        if weights is None:
            return found
        return found * (weights if weights.ndim == 1 else weights[index])[..., None]

    is_rough = jac in (None, "2-point")
    if is_rough:
        options = dict(zip(("ftol", "xtol", "gtol"), ROUGH, strict=True)) | options
    asked = signature(least_squares_batch).bind(
        values, start, slopes if callable(jac) else jac, bounds=bounds, **options
    )
    asked.apply_defaults()
    covariances, conditions = np.empty((*start.shape, start.shape[1])), np.empty(len(y))

    def ended(core: LevenbergMarquardt, index: Array) -> None:
        covariances[index], conditions[index] = core.inverse_squares(y.shape[1])

    fits = solved(*asked.args, **asked.kwargs, data=data, ended=ended)
    box = sides(bounds, start.shape[1], len(y))

    def derivatives(p: Array, index: Array, f_at: Array) -> Array:
        lower, upper = sides_at(box, index)
        if callable(jac):
            found = np.asarray(slopes(p, index), np.float64)
        else:
            typical, room = np.where(p == 0, 1.0, np.abs(p)), None if bounds is UNBOUNDED else (lower, upper)
            at_p = differences(lambda moved: residual(moved, index), p, f_at, "3-point", typical=typical, bounds=room)
            found = np.moveaxis(at_p, 0, 2)
        fixed = lower == upper
        return np.where(fixed[..., None, :], 0.0, found) if fixed.any() else found

    left_over = y.shape[1] - start.shape[1]
    is_known = fits.success & (absolute_sigma or left_over > 0) & (asked.arguments["loss"] == "linear")
    is_known &= conditions < (CERTAIN if is_rough else np.inf)
    is_known &= ((fits.x > box[0]) & (fits.x < box[1])).all(axis=1)
    if not absolute_sigma:
        with np.errstate(all="ignore"):
            covariances *= (2 * fits.cost / max(left_over, 1))[:, None, None]
    covariances[~fits.success] = np.inf
    others = np.flatnonzero(fits.success & ~is_known)
    for first in range(0, others.size, COVARIANCES):
        index = others[first : first + COVARIANCES]
        p = fits.x[index]
        f_at = residual(p, index)
        with np.errstate(all="ignore"):
            jacobians = derivatives(p, index, f_at)
            covariances[index] = covariances_of(
                jacobians, f_at, p, fits.cost[index], sides_at(box, index), absolute_sigma
            )
    if not fits.success.all():
        failed = np.count_nonzero(~fits.success)
        warnings.warn(f"{failed} of {len(y)} fits did not converge: {fits.message}", OptimizeWarning, stacklevel=2)
    return (fits.x, covariances, fits) if full_output else (fits.x, covariances)


def weights_of(sigma: Any, shape: tuple[int, ...]) -> Array:
    """1 / sigma, of the points of all sets or of each."""
    found = np.asarray(sigma, np.float64)
    if found.shape not in ((), shape[1:], shape) or not (np.isfinite(found) & (found > 0)).all():
        raise ValueError(f"sigma must be above 0, a number or of the shape {shape[1:]} or {shape}, got {found.shape}")
    weights: Array = 1 / np.broadcast_to(found, shape[1:] if found.ndim == 0 else found.shape)
    return weights


def covariances_of(
    jacobians: Array,
    f: Array,
    x: Array,
    cost: Array,
    box: tuple[Array, Array],
    known_noise: bool,
) -> Array:
    """Those of `covariance_of`, all at once where no parameter is at a bound."""
    problems, m, n = jacobians.shape
    good = np.isfinite(jacobians).all(axis=(1, 2)) & (m > n or known_noise)
    found = np.full((problems, n, n), np.inf)
    lower, upper = box
    at_bound = ((x <= lower) | (x >= upper)).any(axis=1)
    sides_of = np.where(x <= lower, -1, (x >= upper).astype(int))
    plain = np.flatnonzero(good & ~at_bound)
    inverses, determined = inverse_squares(jacobians[plain])
    variance = np.ones(plain.size) if known_noise else 2 * cost[plain] / (m - n)
    found[plain[determined]] = (variance[:, None, None] * inverses)[determined]
    for b in (*np.flatnonzero(good & at_bound), *plain[~determined]):
        free = free_of(jacobians[b], f[b] @ jacobians[b], sides_of[b])
        one = covariance_of(jacobians[b], free, cost[b], known_noise=known_noise)
        found[b] = one if np.isfinite(one).all() else np.inf
    return found
