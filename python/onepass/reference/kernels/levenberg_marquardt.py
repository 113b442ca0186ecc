"""What does Levenberg-Marquardt compute for one problem? The same bits as the core, which solves many at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from onepass.arrays import Array
from onepass.reference.kernels.vectors import dots

#: The first damping, and the least from which a failure raises it, as shares of the largest curvature: Madsen, Nielsen
#: and Tingleff, Methods for non-linear least squares problems (2004), section 3.2, for starts that are not far off.
FIRST_DAMPING, LEAST_DAMPING = 1e-3, 1e-16
#: The least factor by which a good gain shrinks the damping (Marquardt 1963).
LEAST_FACTOR = 0.1
#: A step that gains less than this share of what the model promised is not taken.
LEAST_GAIN = 1e-4
#: Steps that end with a damping above this share of the largest curvature are doubted: they may be short by it alone.
DOUBTFUL_DAMPING = 1e-8
#: The relative error of a cost that rounding may cause.
ROUNDING = 1e-14
#: The acceleration is taken if it is at most this share of the velocity, twice (Transtrum and Sethna 2012, eq. 15).
MOST_BEND = 0.75
#: The numbers of `onepass.solve.Status`.
RUNNING, GRADIENT, VALUE, STEP, NO_DECREASE, NONFINITE = 0, 1, 2, 3, -3, -5

#: The inner products of the columns of a matrix with the first one.
Products = Callable[[Array], Array]


class Problem:
    """A problem between calls of its residuals. It holds D, the scales of the parameters, and the triangle of J D^-1.

    Args:
        bounds: lower and upper, or None.
        d: D if it is given; else it is the largest norms of the Jacobian's columns so far.
    """

    def __init__(
        self, x: Array, cost: float, bounds: tuple[Array, Array] | None, d: Array | None, tolerances: Any
    ) -> None:
        self.x, self.cost, self._bounds = x.copy(), cost, bounds
        self._ftol, self._xtol, self._gtol = tolerances
        self._is_given = d is not None
        self.d = np.ones_like(x) if d is None else d
        self._largest = np.zeros_like(x)
        self._damping: float | None = None
        self._growth, self._first, self._longest = 2.0, True, 0.0
        self._stopped = RUNNING
        #: The reason in spite of which it went on, until a step is taken; it does so once.
        self._doubted, self._has_doubted = RUNNING, False

    def differentiate(self, f: Array, jacobian: Array) -> int:
        """Takes residuals and Jacobian at x, both scaled by the loss: GRADIENT, NONFINITE or RUNNING."""
        n = self.x.size
        r = triangle(np.column_stack((jacobian, f)), in_lanes)
        # What the Jacobian says of its columns, R says as well, in fewer numbers.
        norms = np.array([norm(r[: j + 1, j]) for j in range(n)])
        gradient = np.array([inner(r[: j + 1, j], r[: j + 1, n]) for j in range(n)])
        if not (np.isfinite(norms).all() and np.isfinite(gradient).all()):
            return NONFINITE
        if not self._is_given:
            self._largest = np.maximum(self._largest, norms)
            self.d = np.where(self._largest > 0, self._largest, 1.0)
        held = np.zeros(n, bool)
        if self._bounds is not None:
            lower, upper = self._bounds
            held = ((self.x <= lower) & (gradient > 0)) | ((self.x >= upper) & (gradient < 0))
        sizes = norms * np.sqrt(dots((f,), f)[0])
        cosines = np.divide(np.abs(gradient), sizes, where=(sizes > 0) & ~held, out=np.zeros(n))
        self._triangle = r
        r[:, :n] = np.where(held, 0.0, r[:, :n] / self.d)
        self._curvature = max(inner(r[: j + 1, j], r[: j + 1, j]) for j in range(n))
        if self._damping is None:
            self._damping = FIRST_DAMPING * self._curvature
        if cosines.max() > self._gtol:
            return RUNNING
        self._stopped = GRADIENT
        return GRADIENT

    def propose(self) -> Array:
        """The next trial point: a minimizer of the damped model, or where that leaves the bounds, inside."""
        while True:
            r = self._damped()
            p = substituted(r[:, :-1], r[:, -1])
            if self._bounds is None:
                break
            # A parameter at a bound that would leave is held; the last free one never would: it follows its gradient.
            lower, upper = self._bounds
            outward = ((self.x <= lower) & (p < 0)) | ((self.x >= upper) & (p > 0))
            if not outward.any():
                break
            self._triangle[:, np.argmax(np.where(outward, np.abs(p), -1.0))] = 0
        return self._trial_at(p, promised=True)

    def accelerate(self, bend: Array) -> Array:
        """The trial with the geodesic acceleration, given J^T k for the second derivative k along its step."""
        r = self._damped()
        z = np.zeros(self.x.size)
        for j in range(z.size):
            right = 0.0 if not self._triangle[:, j].any() else bend[j] / self.d[j]
            for i in range(j):
                right = right - r[i, j] * z[i]
            z[j] = right / r[j, j] if r[j, j] > 0 else 0.0
        z = substituted(r[:, :-1], z)
        if norm(z) <= MOST_BEND * norm(self._p):
            return self._trial_at(self._p + 0.5 * z, promised=self._bounds is not None)
        return self._trial

    def judge(self, cost: float) -> tuple[bool, int]:
        """Whether the trial is taken, given its cost, and VALUE, STEP, NO_DECREASE or RUNNING.

        A gain of 1 divides the damping by 10, one near 0 doubles it, and failures in a row multiply it by 2, 4, 8, ...
        (Nielsen, Damping parameter in Marquardt's method, IMM-REP-1999-05, eq. 2.4).
        """
        actual = self.cost - cost if np.isfinite(cost) else -np.inf
        gain = actual / self._predicted if self._predicted > 0 else -np.inf
        taken = bool(actual > 0 and gain >= LEAST_GAIN)
        if self._first:
            self._longest = self._length
        negligible = self._length <= self._xtol * (self._xtol + self._size)
        # The model was right up to rounding if its first step was short already, and else wrong.
        was_right = self._longest <= np.sqrt(self._xtol) * self._size
        stop = RUNNING
        if (
            self._first
            and self._predicted <= self._ftol * self.cost
            and abs(actual) <= max(self._ftol, ROUNDING) * self.cost
        ):
            stop = VALUE
        elif negligible and (self._first or not taken):
            stop = STEP if self._first or was_right else NO_DECREASE
        assert self._damping is not None
        is_damped = self._damping > DOUBTFUL_DAMPING * self._curvature
        if taken:
            t = 2 * min(gain, 1.0) - 1
            self._damping *= max(LEAST_FACTOR, 1 - t * t * t)
            self._growth, self.cost, self.x = 2.0, cost, self._trial
        else:
            self._damping = max(self._damping, LEAST_DAMPING * self._curvature) * self._growth
            self._growth *= 2
        self._first = taken
        if taken:
            self._doubted = RUNNING
        if stop == NO_DECREASE and self._doubted != RUNNING:  # no way on from where it would have stopped before
            stop = self._doubted
        if stop != RUNNING:
            self._stopped = stop
        if stop in (VALUE, STEP) and is_damped and not self._has_doubted:
            self.trust()
            stop = RUNNING
        return taken, stop

    def trust(self) -> None:
        """Goes on after it has stopped: with almost no damping, as if no trial had failed yet."""
        self._damping, self._growth, self._first = LEAST_DAMPING * self._curvature, 2.0, True
        self._doubted, self._has_doubted = self._stopped, True

    def size(self) -> float:
        """The length of the scaled x."""
        return norm(self.d * self.x)

    def step(self) -> Array:
        """To the trial."""
        return self._p / self.d

    def _damped(self) -> Array:
        """The triangle with the root of the damping below: each of its rows below one of R."""
        assert self._damping is not None
        n = self.x.size
        rows = np.zeros((2 * n, n + 1))
        rows[::2] = self._triangle
        rows[np.arange(1, 2 * n, 2), np.arange(n)] = np.sqrt(self._damping)
        return triangle(rows, in_order)

    def _trial_at(self, p: Array, promised: bool) -> Array:
        """The trial at the end of p, within the bounds; the model promises for p if it holds for p."""
        self._size = self.size()
        self._trial = self.x + p / self.d
        if self._bounds is not None:
            self._trial = np.clip(self._trial, *self._bounds)
            p = (self._trial - self.x) * self.d
        self._p, self._length = p, norm(p)
        if promised:
            self._predicted = 0.0
            for i, row in enumerate(self._triangle):
                bend = inner(row[i:-1], p[i:])
                self._predicted = self._predicted - bend * (row[-1] + 0.5 * bend)
        return self._trial


def triangle(columns: Array, products_of: Products) -> Array:
    """[R, Q^T f] of [A, f] by modified Gram-Schmidt (Björck 1967, BIT 7), of shape (n, n + 1)."""
    n = columns.shape[1] - 1
    r = np.zeros((n, n + 1))
    for j in range(n):
        q, rest = columns[:, :1], columns[:, 1:]
        products = products_of(columns)
        r[j, j] = np.sqrt(products[0])
        if r[j, j] > 0:
            r[j, j + 1 :] = products[1:] / r[j, j]
            rest = rest - products[1:] / products[0] * q
        columns = rest
    return r


def in_lanes(columns: Array) -> Array:
    rows = list(np.ascontiguousarray(columns.T))
    return dots(rows, rows[0])


def in_order(columns: Array) -> Array:
    """Added from the first row on."""
    products: Array = np.add.accumulate(columns[:, :1] * columns)[-1]
    return products


def substituted(r: Array, right: Array) -> Array:
    """The p with R p = -right; 0 where R is singular."""
    p = np.zeros(right.size)
    for j in reversed(range(p.size)):
        total = -right[j]
        for k in range(j + 1, p.size):
            total = total - r[j, k] * p[k]
        p[j] = total / r[j, j] if r[j, j] > 0 else 0.0
    return p


def inner(x: Array, y: Array) -> float:
    """The inner product, added from the first element on."""
    return float(np.add.accumulate(x * y)[-1])


def norm(x: Array) -> float:
    return float(np.sqrt(inner(x, x)))
