"""Where within the bounds does L-BFGS's model lead? The same bits as the core's, in NumPy.

To the model's first minimizer along the projected steepest path, the Cauchy point, and on among the variables that are
free there (Byrd, Lu, Nocedal and Zhu 1995, SIAM J. Sci. Comput. 16, sections 4 and 5.1). Its Hessian is
theta I - W M W^T with W = (Y, theta S), and M is the inverse of (-D, L^T; L, theta S^T S), where D is the diagonal of
S^T Y and L what is below it (Byrd, Nocedal and Schnabel 1994, Math. Programming 63, eq. 3.5).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from onepass.arrays import Array
from onepass.reference.kernels.vectors import combine, dots

#: The least curvature along the path, as a share of that of theta I.
LEAST_CURVATURE = 2.0**-52


class SingularError(Exception):
    """A matrix of the pairs is."""


@np.errstate(over="ignore", invalid="ignore", divide="ignore")
def bounded_step(
    out: Array,
    d: Array,
    x: Array,
    g: Array,
    lower: Array,
    upper: Array,
    ys: Sequence[Array],
    ss: Sequence[Array],
    products: Array,
    theta: float,
) -> tuple[float, float, float] | None:
    """Where the model leads from x, and d = out - x; returns d.d, d.g and the longest step along d within the bounds.

    Args:
        products: of each row with each row, every y first and then every s; there may be room for more pairs.

    Returns:
        None if a matrix of the pairs is singular.
    """
    count, most = len(ys), len(products) // 2
    products = products.reshape(2, most, 2, most)[:, :count, :, :count]
    try:
        model = Model(ys, ss, products, theta)
        cauchy = cauchy_point(x, g, lower, upper, model)
        found = cauchy.point
        if model.rows and cauchy.free.any():
            found = target(x, g, lower, upper, cauchy, model)
    except SingularError:
        return None
    out[...] = found
    d[...] = out - x
    return float(dots((d,), d)[0]), float(dots((d,), g)[0]), room(x, d, lower, upper)


def enter_pair(
    s: Array,
    y: Array,
    x: Array,
    start: Array,
    g: Array,
    start_g: Array,
    ys: Sequence[Array],
    ss: Sequence[Array],
    products: Array,
    least: float,
) -> float | None:
    """s = x - start, y = g - start_g, and their products with each other and with the pairs; returns theta.

    Args:
        products: of each row with each row, every y first and then every s. Those of the oldest pair go where there is
            no room left.
        least: the pair is of no use unless s.y is above this, and y.y is a number above 0.

    Returns:
        None, and no change of the products, if the pair is of no use.
    """
    s[...], y[...] = x - start, g - start_g
    s_y, y_y = dots((s, y), y).tolist()
    if not (s_y > least and 0 < y_y < math.inf):
        return None
    room = len(products) // 2
    gone = int(len(ys) == room)
    ys, ss = [*ys[gone:], y], [*ss[gone:], s]
    count = len(ys)
    by_kind = products.reshape(2, room, 2, room)
    by_kind[:, : count - 1, :, : count - 1] = by_kind[:, gone : gone + count - 1, :, gone : gone + count - 1].copy()
    for kind, vector in enumerate((y, s)):
        found = dots([*ys, *ss], vector).reshape(2, count)
        by_kind[:, :count, kind, count - 1] = by_kind[kind, count - 1, :, :count] = found
    return float(y_y / s_y)


class Factors:
    """A square matrix by its triangles, with exchanges of rows."""

    def __init__(self, matrix: Array) -> None:
        self._a = a = matrix.copy()
        self._order = np.arange(len(a))
        for k in range(len(a)):
            pivot = k + int(np.argmax(np.abs(a[k:, k])))
            if not 0 < abs(a[pivot, k]) < math.inf:
                raise SingularError
            a[[k, pivot]], self._order[[k, pivot]] = a[[pivot, k]], self._order[[pivot, k]]
            a[k + 1 :, k] /= a[k, k]
            a[k + 1 :, k + 1 :] -= np.multiply.outer(a[k + 1 :, k], a[k, k + 1 :])

    def solve(self, right: Array) -> Array:
        a, x = self._a, right[self._order]
        for k in range(len(a)):
            x[k + 1 :] -= a[k + 1 :, k] * x[k]
        for i in reversed(range(len(a))):
            for k in range(i + 1, len(a)):
                x[i] -= a[i, k] * x[k]
            x[i] /= a[i, i]
        return x


class Model:
    """The quadratic model."""

    def __init__(self, ys: Sequence[Array], ss: Sequence[Array], products: Array, theta: float) -> None:
        count = len(ys)
        self.rows, self.theta = [*ys, *ss], theta
        self.products = products.reshape(2 * count, 2 * count)
        self._scale = np.where(np.arange(2 * count) < count, 1.0, theta)
        s_y, s_s = self.products[count:, :count], self.products[count:, count:]
        below = np.tril(s_y, -1)
        self._inverse_m = np.block([[-np.diag(np.diag(s_y)), below.T], [below, theta * s_s]])
        self._factors = Factors(self._inverse_m)

    def m_times(self, p: Array) -> Array:
        return self._factors.solve(p)

    def along(self, x: Array) -> Array:
        """W^T x."""
        return dots(self.rows, x) * self._scale

    def row(self, variable: int) -> Array:
        """Of W."""
        return np.array([row[variable] for row in self.rows], np.float64) * self._scale

    def spread(self, out: Array, scale: float, x: Array, p: Array) -> None:
        """out = scale x + W p."""
        combine(out, scale, x, (p * self._scale).tolist(), self.rows)

    def inner(self, free: Array) -> Factors:
        """The inverse of M less W^T W / theta, of the rows of W that are free; by the others if those are fewer."""
        others = 2 * np.count_nonzero(free) > free.size
        vectors = [row[free != others] for row in self.rows]
        found = np.array([dots(vectors, vector) for vector in vectors])
        if others:
            found = self.products - found
        gram = np.tril(self._scale * found * self._scale[:, None])
        gram += np.tril(gram, -1).T
        return Factors(self._inverse_m - gram / self.theta)


@dataclass(frozen=True)
class Cauchy:
    """The first minimizer of the model along the projected steepest path."""

    point: Array
    free: Array  # which variables are not at a bound
    along: Array  # W^T (point - x)


class Path:
    """How far it was followed, t; W^T times its direction and times the way from x to here."""

    def __init__(self, model: Model, d: Array) -> None:
        self.t = 0.0
        self.along = np.zeros(len(model.rows))
        self._model, self._direction = model, model.along(d)

    def follow(self, end: float, squared: float) -> bool:
        """Goes on until t = end, while the direction has this squared length: whether the minimizer is not passed."""
        bent, theta = self._model.m_times(self._direction), self._model.theta
        slope = (theta * self.t - 1) * squared - product(bent, self.along)
        curvature = theta * squared - product(bent, self._direction)
        step = max(0.0, float(np.divide(-slope, max(curvature, LEAST_CURVATURE * theta * squared))))
        ended = step < end - self.t
        way = step if ended else end - self.t
        self.along = self.along + way * self._direction
        self.t = self.t + way if ended else end
        return not ended

    def leave(self, g: float, variable: int) -> None:
        """A variable with this derivative has met its bound."""
        self._direction = self._direction + g * self._model.row(variable)


def cauchy_point(x: Array, g: Array, lower: Array, upper: Array, model: Model) -> Cauchy:
    """Follows the path x - t g, which bends where it meets a bound, to the first minimizer of the model."""
    bound = np.where(g > 0, lower, upper)
    ends = np.full(x.size, math.inf)  # t at which a variable meets its bound
    np.divide(x - bound, g, out=ends, where=g != 0)
    d = np.where(ends > 0, -g, x.dtype.type(0))
    path = Path(model, d)
    squared = float(dots((d,), d)[0])
    if squared > 0 and path.follow(ends[ends > 0].min(initial=math.inf), squared):
        order = np.flatnonzero((ends > 0) & (ends < math.inf))
        order = order[np.argsort(ends[order], kind="stable")]
        endless = np.where(ends < math.inf, x.dtype.type(0), d)
        # The squared length of the part of d that moves yet when so many variables have met their bounds.
        squares = np.append(g[order].astype(np.float64) ** 2, dots((endless,), endless))
        left = np.cumsum(squares[::-1])[::-1]
        for k, variable in enumerate(order):
            path.leave(float(g[variable]), int(variable))
            end = float(ends[order[k + 1]]) if k + 1 < len(order) else math.inf
            if not left[k + 1] > 0 or (end > path.t and not path.follow(end, float(left[k + 1]))):
                break
    point = np.where(ends <= path.t, bound, clipped(x + x.dtype.type(path.t) * d, lower, upper))
    return Cauchy(point, (point > lower) & (point < upper), path.along)


def target(x: Array, g: Array, lower: Array, upper: Array, cauchy: Cauchy, model: Model) -> Array:
    """Where the way from the Cauchy point to the model's minimizer among the free variables leads within the bounds."""
    step = subspace_step(x, g, cauchy, model)
    end = clipped(cauchy.point + step, lower, upper)
    if dots((end - x,), g)[0] < 0:  # Morales and Nocedal 2011, ACM TOMS 38
        return end
    share = x.dtype.type(min(1.0, room(cauchy.point, step, lower, upper)))
    return clipped(cauchy.point + share * step, lower, upper)


def subspace_step(x: Array, g: Array, cauchy: Cauchy, model: Model) -> Array:
    """From the Cauchy point to the minimizer of the model among the free variables, without their bounds."""
    theta, nothing = model.theta, x.dtype.type(0)
    residual = g + x.dtype.type(theta) * (cauchy.point - x)
    model.spread(residual, 1.0, residual, -model.m_times(cauchy.along))
    residual = np.where(cauchy.free, residual, nothing)
    weights = model.inner(cauchy.free).solve(model.along(residual))
    step = np.empty_like(x)
    model.spread(step, -1 / theta, residual, -(weights / theta) / theta)
    return np.where(cauchy.free, step, nothing)


def clipped(x: Array, lower: Array, upper: Array) -> Array:
    """x within the bounds, and x itself where it equals one, whatever the sign of zero."""
    raised = np.where(x < lower, lower, x)
    return np.where(upper < raised, upper, raised)


def room(x: Array, d: Array, lower: Array, upper: Array) -> float:
    """The longest step along d from x within the bounds."""
    moving = d != 0
    steps = (np.where(d > 0, upper, lower) - x)[moving] / d[moving]
    return float(steps.min(initial=math.inf))


def product(x: Array, y: Array) -> float:
    """Added from the first numbers on."""
    total = 0.0
    for a, b in zip(x.tolist(), y.tolist(), strict=True):
        total += a * b
    return total
