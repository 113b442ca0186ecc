"""Between which values do fitted parameters lie? The profile of the cost says it, also where it is no parabola."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from onepass.arrays import Array
from onepass.checks import Real
from onepass.solve.result import OptimizeResult
from onepass.solve.squares.arguments import UNBOUNDED, sides
from onepass.solve.squares.covariance import covariance
from onepass.solve.squares.least_squares import least_squares
from onepass.solve.squares.residuals import Jacobian

LEVEL = Real(0, 1, includes_low=False)
#: Refits for an end at most, how near to it the last is, and the factors from one distance to the next before it is
#: enclosed.
MOST, NEAR, SHORTEST, LONGEST = 40, 1e-6, 2.0, 4.0
#: Nodes of Gauss and Legendre's rule for Student's distribution.
NODES, WEIGHTS = np.polynomial.legendre.leggauss(64)


def confidence_interval(
    fun: Callable[..., Any],
    fit: OptimizeResult,
    jac: Jacobian = None,
    *,
    level: float = 0.95,
    bounds: Any = UNBOUNDED,
    known_noise: bool = False,
    args: Any = (),
    kwargs: Mapping[str, Any] | None = None,
) -> Array:
    r"""The interval of each parameter, by the profile of the cost: the others are fitted again along it.

    An end v is where

    .. math::
        \frac{F(v) - F}{s^2 / 2} = t^2, \qquad s^2 = \frac{2 F}{m - n}, \qquad F(v) = \min_{x_j = v} F(x)

    with the quantile t of Student's distribution of m - n degrees of freedom; with known noise s is 1 and the
    distribution the normal one. Unlike multiples of the standard deviations the interval need not be symmetric.

    Args:
        fun, jac, args, kwargs: as `least_squares` had them.
        fit: its result, converged, with a linear loss.
        level: of confidence, in (0, 1).
        bounds: as `least_squares` had them; an interval ends there.
        known_noise: the residuals are already divided by the standard deviations of their noise.

    Returns:
        Shape (n, 2), the lower and the upper end: infinite where the profile stays below, and the value itself for a
        parameter that is fixed.

    Raises:
        ValueError: the fit has not converged, leaves no residuals over, or is not a minimum.

    Example:
        >>> import numpy as np, onepass as op
        >>> t = np.arange(1.0, 7.0)
        >>> f = lambda b: b[0] * np.exp(-b[1] * t) - [6.1, 3.6, 2.3, 1.3, 0.8, 0.5]
        >>> op.confidence_interval(f, op.least_squares(f, [9.0, 0.4])).round(2)
        array([[ 9.66, 10.53],
               [ 0.48,  0.53]])

    Reference:
        Bates and Watts, Nonlinear Regression Analysis and Its Applications (1988), chapter 6.
    """
    level = LEVEL.check("confidence_interval", "level", level)
    if not fit.success:
        raise ValueError(f"confidence_interval needs a fit that has converged; this one ended as: {fit.message}")
    n = fit.x.size
    lower, upper = sides(bounds, n)
    left_over = np.size(fit.fun) - int(np.count_nonzero(lower < upper))
    if left_over < 1 and not known_noise:
        raise ValueError("confidence_interval needs more residuals than parameters, or known_noise=True")
    variance = 1.0 if known_noise else 2 * fit.cost / left_over
    quantile = student(level, math.inf if known_noise else left_over)
    deviations = np.sqrt(np.diag(covariance(fit, known_noise=known_noise)))

    def profile(j: int, value: float, start: Array) -> tuple[float, Array]:
        """How many deviations the cost says that a value is off, and where the other parameters are then."""
        at = np.where(np.arange(n) == j, value, start)
        box = np.where(np.arange(n) == j, value, lower), np.where(np.arange(n) == j, value, upper)
        found = least_squares(fun, at, jac, box, args=args, kwargs=kwargs)
        if found.cost < fit.cost * (1 - 1e-6):
            raise ValueError(f"the fit is not the minimum: the cost is lower where x[{j}] is {value!r}, at {found.x}")
        return math.sqrt(max(2 * (found.cost - fit.cost), 0.0) / variance) if variance else math.inf, found.x

    def end(j: int, sign: float) -> float:
        """On one side, by false position with Illinois's change, once it is enclosed."""
        limit = abs((upper if sign > 0 else lower)[j] - fit.x[j])
        distance = quantile * deviations[j] if 0 < deviations[j] < math.inf else abs(fit.x[j]) or 1.0
        # Distances on both sides of the end, and how far the profile is from the quantile there.
        inside, outside, below, above, x = 0.0, math.inf, -quantile, math.inf, fit.x
        was_inside: bool | None = None
        for _ in range(MOST):
            distance = min(distance, limit)
            if not math.isfinite(fit.x[j] + sign * distance):
                return sign * math.inf
            off, x = profile(j, fit.x[j] + sign * distance, x)
            gap = off - quantile
            if abs(gap) <= NEAR * quantile:
                break
            if gap < 0:
                if distance == limit:
                    break
                above *= 0.5 if was_inside is True else 1.0
                inside, below, was_inside = distance, gap, True
            else:
                below *= 0.5 if was_inside is False else 1.0
                outside, above, was_inside = distance, gap, False
            if outside == math.inf:
                distance *= min(max(quantile / off, SHORTEST), LONGEST) if off > 0 else LONGEST
            elif above == math.inf:
                distance = 0.5 * (inside + outside)
            else:
                distance = (inside * above - outside * below) / (above - below)
        else:
            if outside == math.inf:
                return sign * math.inf
        return float(fit.x[j] + sign * distance)

    free = lower < upper
    return np.array([(end(j, -1.0), end(j, 1.0)) if free[j] else (fit.x[j], fit.x[j]) for j in range(n)])


def student(level: float, degrees: float) -> float:
    """The t with P(|T| < t) = level for Student's distribution; with infinitely many degrees, the normal one."""
    low, high = 0.0, 1.0

    def within(t: float) -> float:
        if degrees == math.inf:
            return math.erf(t / math.sqrt(2))
        angle = math.atan(t / math.sqrt(degrees))  # the density is a power of the cosine
        whole = math.exp(math.lgamma((degrees + 1) / 2) - math.lgamma(degrees / 2)) / math.sqrt(math.pi)
        return float(angle * whole * WEIGHTS.dot(np.cos(angle * (1 + NODES) / 2) ** (degrees - 1)))

    while within(high) < level:
        low, high = high, 2 * high
    while high - low > 1e-14 * high:
        middle = 0.5 * (low + high)
        if middle in (low, high):
            break
        low, high = (middle, high) if within(middle) < level else (low, middle)
    return high
