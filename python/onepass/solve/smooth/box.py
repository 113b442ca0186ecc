"""Where does a quadratic model lead within bounds? Along the projected gradient, then among the variables left free."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from onepass.arrays import Array
from onepass.solve.kernels import dots

Limits = tuple[Array, Array]
#: As a matrix, or as what multiplies with it.
Hessian = Any
#: An approximate minimizer z of g.z + z.H z / 2 in a ball, given H, g, its squared norm and the radius.
Minimizer = Callable[[Hessian, Array, float, float], Array]
#: Of what the slope promises, the share by which the model decreases along the projected gradient.
SHARE = 0.01
#: How often variables that have met a bound are taken out at most, and how often the first trial is halved.
ROUNDS, HALVINGS = 10, 60
#: A point within so many machine numbers of a bound is on it.
NEAR = 4.0


def projected_step(x: Array, g: Array, lower: Array, upper: Array) -> Array:
    """What a step along -g changes when it is projected, which is nothing at a stationary point."""
    step: Array = np.minimum(np.maximum(x - g, lower), upper) - x  # in half of clip's time
    return step


def place(trial: Array, x: Array, lower: Array, upper: Array) -> None:
    """Projects a trial, a sum of x and a step, and puts on a bound what only rounding keeps off it."""
    np.clip(trial, lower, upper, out=trial)
    rounding = NEAR * np.finfo(x.dtype).eps * np.maximum(np.abs(x), np.abs(trial))
    for bound in (lower, upper):
        np.copyto(trial, bound, where=np.abs(trial - bound) <= rounding)


def room(x: Array, d: Array, lower: Array, upper: Array) -> float:
    """The longest step along d within the bounds."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ways = (np.where(d > 0, upper, lower) - x) / d
    return float(np.min(ways, where=d != 0, initial=math.inf))


def times(h: Hessian, p: Array) -> Array:
    """H p."""
    product: Array = h @ p if isinstance(h, np.ndarray) else h(p)
    return product


def part(h: Hessian, free: Array) -> Hessian:
    """H for the free variables, the others being fixed."""
    if isinstance(h, np.ndarray):
        return h[np.ix_(free, free)]

    def product(p: Array) -> Array:
        whole = np.zeros(free.size, p.dtype)
        whole[free] = p
        found: Array = h(whole)[free]
        return found

    return product


class Model:
    """A quadratic model of the change of a value, at points within bounds.

    Args:
        h, g: the Hessian and the gradient at x.
    """

    def __init__(self, h: Hessian, x: Array, g: Array, lower: Array, upper: Array) -> None:
        self.h, self.x, self.g, self.lower, self.upper = h, x, g, lower, upper

    def put(self, start: Array, length: float, way: Array) -> None:
        """Goes to the projection of a point on a way from a point within bounds."""
        self.end = start + length * way
        place(self.end, start, self.lower, self.upper)
        self.step = self.end - self.x
        self.product = times(self.h, self.step)
        self.slope, half = dots((self.g, self.product), self.step).tolist()
        self.value = self.slope + 0.5 * half

    @property
    def free(self) -> Array:
        """Which variables are at no bound."""
        inside: Array = (self.lower < self.end) & (self.end < self.upper)
        return inside

    def cauchy(self, radius: float) -> None:
        """Goes along the projected gradient, within the ball, until the model decreases by a share of its slope.

        The first trial is the minimizer along the gradient without the variables that it would push out.
        """
        x, g = self.x, self.g
        way = np.where((x <= self.lower) & (g >= 0) | (x >= self.upper) & (g <= 0), 0, g)
        squared = dots((way,), way).item()
        if not squared > 0:
            self.put(x, 0.0, way)
            return
        curvature = dots((times(self.h, way),), way).item()
        farthest = (radius if radius < math.inf else max(1.0, float(np.abs(x).max()))) / math.sqrt(squared)
        t = min(squared / curvature, radius / math.sqrt(squared)) if curvature > 0 else farthest
        for _ in range(HALVINGS):
            self.put(x, -t, way)
            if self.value <= SHARE * self.slope:
                return
            t *= 0.5
        self.put(x, 0.0, way)

    def advance(self, way: Array) -> bool:
        """Whether the model decreases by a projected step along a way, or by one to the first bound on it."""
        start, least = self.end, self.value
        for length in (1.0, 0.5, 0.25, min(1.0, room(start, way, self.lower, self.upper))):
            self.put(start, length, way)
            if self.value < least:
                return True
        self.put(start, 0.0, way)
        return False


def step_within(
    h: Hessian, x: Array, g: Array, limits: Limits, minimizer: Minimizer, radius: float = math.inf
) -> tuple[Array, Array]:
    r"""An approximate minimizer z of g.z + z.H z / 2 in a ball, such that x + z is within bounds.

    First the Cauchy point along the projected gradient; then, with the variables at a bound fixed, towards the
    minimizer among the others, projected, or up to the first bound; and again while further variables meet a bound.
    Its decrease is that of the Cauchy point at least, which makes trust-region methods converge (Conn, Gould and Toint
    2000, chapter 12); its slope is a share of the Cauchy point's at least, as it is with a positive definite H anyway.

    Returns:
        z, and the residual g + H z.

    Reference:
        Lin and More, Newton's method for large bound-constrained optimization problems, SIAM J. Optim. 9 (1999).
    """
    model = Model(h, x, g, *limits)
    model.cauchy(radius)
    first, slope, residual = model.step, model.slope, g + model.product
    for _ in range(ROUNDS):
        free = model.free
        fixed = np.where(free, 0, model.step)
        r = (g + times(h, fixed) if fixed.any() else g)[free]
        squared = dots((r,), r).item() if r.size else 0.0
        left = math.sqrt(max(0.0, radius * radius - dots((fixed,), fixed).item()))
        if not squared > 0 or left == 0:
            break
        way = np.zeros_like(x)
        way[free] = minimizer(part(h, free), r, squared, left) - model.step[free]
        if not model.advance(way) or model.free[free].all():
            break
    if not model.slope <= SHARE * slope:
        return first, residual
    return model.step, g + model.product
