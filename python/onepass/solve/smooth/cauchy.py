"""Where within the bounds does a quadratic model lead? To its generalised Cauchy point, and on among the free.

Byrd, Lu, Nocedal and Zhu 1995, SIAM J. Sci. Comput. 16: sections 4 and 5.1. The variables that reach a bound along the
path are taken in blocks, as all of the path's segments in a block follow from sums over its variables.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from onepass.arrays import Array
from onepass.solve.kernels import dots
from onepass.solve.smooth.compact import Compact

#: Variables of the first block, by how much a block is larger than the last one, and the most.
FIRST_BLOCK, GROWTH, LARGEST_BLOCK = 8, 4, 4096
#: The least curvature along the path, as a share of that of theta I.
LEAST_CURVATURE = 2.0**-52


@dataclass(frozen=True, slots=True)
class Cauchy:
    """The first minimizer of the model along the projected steepest path."""

    point: Array
    free: Array  # which variables are not at a bound
    along: Array  # W^T (point - x)


def target(x: Array, g: Array, lower: Array, upper: Array, hessian: Compact) -> Array:
    """Where the model with the gradient g at x and this Hessian is least, on the face of the Cauchy point.

    Raises:
        numpy.linalg.LinAlgError: a matrix of the pairs is singular.
    """
    cauchy = cauchy_point(x, g, lower, upper, hessian)
    if not len(hessian) or not cauchy.free.any():
        return cauchy.point
    step = subspace_step(x, g, cauchy, hessian)
    end: Array = np.clip(cauchy.point + step, lower, upper)
    if dots((end - x,), g).item() < 0:  # Morales and Nocedal 2011, ACM TOMS 38
        return end
    share = x.dtype.type(min(1.0, room(cauchy.point, step, lower, upper)))
    return np.clip(cauchy.point + share * step, lower, upper, out=end)


def cauchy_point(x: Array, g: Array, lower: Array, upper: Array, hessian: Compact) -> Cauchy:
    """Follows the path x - t g, which bends where it meets a bound, to the first minimizer of the model."""
    bound = np.where(g > 0, lower, upper)
    ends = np.full(x.size, math.inf)  # t at which a variable meets its bound
    with np.errstate(over="ignore"):
        np.divide(x - bound, g, out=ends, where=g != 0)
    d = np.where(ends > 0, -g, x.dtype.type(0))
    order = np.flatnonzero((ends > 0) & (ends < math.inf))
    order = order[np.argsort(ends[order], kind="stable")]
    squares = g[order].astype(np.float64) ** 2
    endless = np.where(ends < math.inf, x.dtype.type(0), d)
    # Of the part of d that moves yet when so many variables have met their bounds.
    squared = dots((endless,), endless).item() + np.append(np.cumsum(squares[::-1])[::-1], 0.0)
    path = Path(hessian, hessian.along(d))
    begin, size = 0, FIRST_BLOCK
    while not path.ended and begin < len(order):
        block = order[begin : begin + size]
        path.follow(ends[block], g[block], squared[begin : begin + len(block)], hessian.rows(block))
        begin, size = begin + size, min(GROWTH * size, LARGEST_BLOCK)
    if not path.ended and squared[-1] > 0:
        path.follow(np.array([math.inf]), np.zeros(1), squared[-1:], hessian.rows(np.zeros(1, int)))
    with np.errstate(over="ignore"):
        inside = np.clip(x + x.dtype.type(path.t) * d, lower, upper)
    point = np.where(ends <= path.t, bound, inside)
    return Cauchy(point, (point > lower) & (point < upper), path.along)


class Path:
    """How far it was followed, t; W^T times its direction and times the way from x to here."""

    def __init__(self, hessian: Compact, direction: Array) -> None:
        self.t = 0.0
        self.ended = False
        self.along = np.zeros(len(direction))
        self._direction = direction
        self._hessian = hessian

    def follow(self, ends: Array, g: Array, squared: Array, rows: Array) -> None:
        """Goes on over segments, at whose ends the variables with these gradients and rows of W meet their bounds.

        Args:
            squared: the squared length of the direction in each segment.
        """
        starts = np.append(self.t, ends[:-1])
        leaving = g.astype(np.float64)[:, None] * rows
        directions = np.cumsum(np.vstack([self._direction, leaving]), axis=0)
        ways = (ends - starts)[:-1, None] * directions[:-2]
        along = np.cumsum(np.vstack([self.along, ways]), axis=0)
        bent = self._hessian.m_times(directions[:-1])
        theta = self._hessian.theta
        slopes = (theta * starts - 1) * squared - np.sum(bent * along, axis=1)
        curvatures = theta * squared - np.sum(bent * directions[:-1], axis=1)
        steps = np.maximum(0.0, -slopes / np.maximum(curvatures, LEAST_CURVATURE * theta * squared))
        within = np.flatnonzero(steps < ends - starts)
        self.ended = bool(within.size)
        last = within[0] if self.ended else len(ends) - 1
        way = float(steps[last] if self.ended else ends[last] - starts[last])
        self.t = float(starts[last] + way if self.ended else ends[last])
        self.along = along[last] + way * directions[last]
        self._direction = directions[last + 1]


def subspace_step(x: Array, g: Array, cauchy: Cauchy, hessian: Compact) -> Array:
    """From the Cauchy point to the minimizer of the model among the free variables, without their bounds."""
    theta, nothing = hessian.theta, x.dtype.type(0)
    residual = g + x.dtype.type(theta) * (cauchy.point - x)
    hessian.spread(residual, 1.0, residual, -hessian.m_times(cauchy.along))
    residual = np.where(cauchy.free, residual, nothing)
    inner = hessian.inverse_m - hessian.gram(cauchy.free) / theta
    weights = np.linalg.solve(inner, hessian.along(residual))
    step = np.empty_like(x)
    hessian.spread(step, -1 / theta, residual, -(weights / theta) / theta)
    return np.where(cauchy.free, step, nothing)


def room(x: Array, d: Array, lower: Array, upper: Array) -> float:
    """The longest step along d from x within the bounds."""
    moving = d != 0
    with np.errstate(over="ignore"):
        steps = (np.where(d > 0, upper, lower) - x)[moving] / d[moving]
    return float(steps.min(initial=math.inf))
