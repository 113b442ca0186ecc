"""What does Levenberg-Marquardt compute for one problem? The same bits as the core, which solves many at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from onepass.arrays import Array
from onepass.reference.kernels.vectors import dots

#: The first radius, as a multiple of the length of the scaled start (MINPACK's factor).
FIRST_RADIUS = 100.0
#: A step may be longer or shorter than the radius by this share of it (Moré 1978, section 5).
SLACK = 0.1
#: Dampings that are tried for one step at most, and the share of the highest that is the first of them for want of a
#: better one.
MOST_DAMPINGS, FIRST_SHARE = 10, 1e-3
#: The damping of a singular model, as a share of the largest curvature: its step is the shortest one.
LEAST_DAMPING = 1e-16
#: A pivot of at most this share of its column is rounding.
NEGLIGIBLE = 1e-14
#: A step that gains at most the former share of what the model promised makes the radius shorter, and one that gains
#: the latter makes it longer, to so many lengths of the step.
POOR_GAIN, GOOD_GAIN, GROWTH = 0.25, 0.75, 2.0
#: The factors by which a failure makes the radius shorter than the step.
LEAST_FACTOR, MOST_FACTOR = 0.1, 0.5
#: A step that gains less than this share of what the model promised is not taken.
LEAST_GAIN = 1e-4
#: The largest double.
MOST = float(np.finfo(np.float64).max)
#: The relative error of a cost that rounding may cause.
ROUNDING = 1e-14
#: Steps shrink by a rate of their own once they promise at most this share of the cost. It is believed if it is at most
#: this, and if what changes it from step to step is less than this share of it; it is taken for this at least.
LITTLE, MOST_RATE, DOUBT, LEAST_LEFT = 1e-4, 0.33, 0.5, 0.1
#: The acceleration is taken if it is at most this share of the velocity, twice (Transtrum and Sethna 2012, eq. 15).
MOST_BEND = 0.75
#: The numbers of `onepass.solve.Status`.
RUNNING, GRADIENT, VALUE, STEP, NO_DECREASE, NONFINITE_START, NONFINITE = 0, 1, 2, 3, -3, -4, -5

#: The inner products of the columns of a matrix with the first one.
Products = Callable[[Array], Array]


class Problem:
    """A problem between calls of its residuals. It holds D, the scales of the parameters, and the triangle of J D^-1.

    Args:
        cost: at x, or NaN where it is not known: the first trial is x.
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
        self._radius: float | None = None
        self._damping, self._is_singular = 0.0, False
        self._first, self._longest = True, 0.0
        self._trial = self.x
        #: The Gauss-Newton step at the point before, and the step taken from there, if they are known; then what the
        #: steps shrank by there: each, as the model has it, and along the step.
        self._before: tuple[Array, Array] | None = None
        self._rate, self._shrunk = np.nan, 0.0
        #: The Gauss-Newton step here, if the trial is made of it, and the share of the trial's that the next may be.
        self._newton: Array | None = None
        self._left = 1.0
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
        curvatures = np.array([inner(r[: j + 1, j], r[: j + 1, j]) for j in range(n)])
        self._curvature = curvatures.max()
        rounding = np.flatnonzero((np.diagonal(r) <= NEGLIGIBLE * np.sqrt(curvatures)) & (curvatures > 0))
        r[rounding, rounding] = 0
        self._is_singular = bool(held.any() or rounding.size)
        if self._radius is None:
            self._radius = self._first_radius()
        if cosines.max() > self._gtol:
            return RUNNING
        self._stopped = GRADIENT
        return GRADIENT

    def propose(self) -> Array:
        """The next trial point: a minimizer of the model within the radius or, where that leaves the bounds, inside."""
        if np.isnan(self.cost):
            return self._trial
        while True:
            p = self._within_radius()
            if self._bounds is None:
                break
            # A parameter at a bound that would leave is held; the last free one never would: it follows its gradient.
            lower, upper = self._bounds
            outward = ((self.x <= lower) & (p < 0)) | ((self.x >= upper) & (p > 0))
            if not outward.any():
                break
            self._triangle[:, np.argmax(np.where(outward, np.abs(p), -1.0))] = 0
            self._is_singular = True
        return self._trial_at(self._carried_on(p), promised=True)

    def _carried_on(self, p: Array) -> Array:
        """Of a Gauss-Newton step: to where the next ones would lead (Anderson 1965).

        The model lacks the curvature of the residuals: near a minimum where some are left, these steps shrink by the
        share that this is of the model's.
        """
        self._left, self._newton = 1.0, None
        if self._damping != 0 or self._is_singular:
            return p
        self._newton = p / self.d
        if self._before is None:
            return p
        before, moved = self._before
        r = self._triangle[:, :-1]
        # All is measured as the model has it: as changes of the residuals.
        by_moved = np.array([inner(row[i:], (self.d * moved)[i:]) for i, row in enumerate(r)])
        by_before = np.array([inner(row[i:], (self.d * before)[i:]) for i, row in enumerate(r)])
        now = -self._triangle[:, -1]
        change = now - by_before
        rate = 1 + np.divide(inner(by_moved, change), inner(by_moved, by_moved))
        nonlinear = abs(rate - self._rate) * self._shrunk
        length = inner(now, now)
        self._rate, self._shrunk = rate, np.sqrt(np.divide(length, inner(by_before, by_before)))
        is_near = 0.5 * length <= LITTLE * self.cost and self._shrunk < 1
        if not is_near or not (abs(rate) <= MOST_RATE and nonlinear <= DOUBT * abs(rate)):
            return p
        self._left = max(abs(rate), LEAST_LEFT)
        share = np.divide(inner(now, change), inner(change, change))
        carried: Array = p - share * (self.d * (moved + (self._newton - before)))
        return carried

    def accelerate(self, bend: Array) -> Array:
        """The trial with the geodesic acceleration, given J^T k for the second derivative k along its step."""
        r = self._damped(self._damping)
        z = solved_transposed(r, np.where(self._triangle[:, :-1].any(axis=0), bend / self.d, 0.0))
        z = substituted(r[:, :-1], z)
        self._newton, self._left = None, 1.0
        if norm(z) <= MOST_BEND * norm(self._p):
            return self._trial_at(self._p + 0.5 * z, promised=self._bounds is not None)
        return self._trial

    def judge(self, cost: float) -> tuple[bool, int]:
        """Whether the trial is taken, given its cost, and VALUE, STEP, NO_DECREASE or RUNNING.

        Of a first one, which is x, NONFINITE_START or RUNNING.

        The radius is MINPACK's: after a failure the minimizer of the parabola through both costs with the slope at x,
        after a success twice the step.
        """
        if np.isnan(self.cost):
            self.cost = cost
            return (True, RUNNING) if np.isfinite(cost) else (False, NONFINITE_START)
        actual = self.cost - cost if np.isfinite(cost) else -np.inf
        gain = actual / self._predicted if self._predicted > 0 else -np.inf
        taken = bool(actual > 0 and gain >= LEAST_GAIN)
        if self._first:
            self._longest = self._length
        negligible = self._length <= self._xtol * (self._xtol + self._size)
        # The model was right up to rounding if its first step was short already, and else wrong.
        was_right = self._longest <= np.sqrt(self._xtol) * self._size
        # Of the step and of what it gains, if that is what was promised, the next one may have these shares.
        left = self._left if gain >= GOOD_GAIN else 1.0
        stop = RUNNING
        if (
            self._first
            and left * left * self._predicted <= self._ftol * self.cost
            and (left < 1 or abs(actual) <= max(self._ftol, ROUNDING) * self.cost)
        ):
            stop = VALUE
        elif self._first and left * self._length <= self._xtol * (self._xtol + self._size):
            stop = STEP
        elif negligible and not taken:
            stop = STEP if was_right else NO_DECREASE
        is_damped = self._damping > self._least_damping()
        assert self._radius is not None
        if gain <= POOR_GAIN:
            factor = MOST_FACTOR
            if actual < 0:
                parabola = 0.5 * np.divide(self._slope, self._slope - actual)
                factor = max(LEAST_FACTOR, min(MOST_FACTOR, parabola))
            self._radius = factor * self._length
            self._damping = self._damping / factor
        elif not is_damped or gain >= GOOD_GAIN:
            self._radius = GROWTH * self._reach
            self._damping = 0.5 * self._damping
        if taken:
            if self._newton is None or self._before is None:
                self._rate = np.nan
            self._before = None if self._newton is None else (self._newton, self._trial - self.x)
            self.cost, self.x = cost, self._trial
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
        """Goes on after it has stopped: with the first radius, as if no trial had failed yet."""
        self._radius, self._damping, self._first, self._before = self._first_radius(), 0.0, True, None
        self._doubted, self._has_doubted = self._stopped, True

    def size(self) -> float:
        """The length of the scaled x."""
        return norm(self.d * self.x)

    def step(self) -> Array:
        """To the trial."""
        return self._p / self.d

    def _first_radius(self) -> float:
        """Of a start that is short in scaled variables, the length of the gradient."""
        return min(max(FIRST_RADIUS * self.size(), norm(self._gradient())), MOST)

    def _gradient(self) -> Array:
        """Of the model, in scaled variables."""
        r = self._triangle
        return np.array([inner(r[: j + 1, j], r[: j + 1, -1]) for j in range(self.x.size)])

    def _least_damping(self) -> float:
        """Of the step that minimizes the model."""
        return LEAST_DAMPING * self._curvature if self._is_singular else 0.0

    def _within_radius(self) -> Array:
        """The minimizer of the model whose length is at most about the radius.

        That is a damped one if it is not the Gauss-Newton step; the damping is the root of length - radius, by Newton's
        method for 1 / length within an interval (Moré 1978, section 5).
        """
        radius, least = self._radius, self._least_damping()
        assert radius is not None
        r = self._damped(least) if least > 0 else self._triangle
        p = substituted(r[:, :-1], r[:, -1])
        length = norm(p)
        if length - radius <= SLACK * radius:
            self._damping = least
            return p
        low = self._next_damping(least, r, p, length, radius)
        if self._is_singular or not np.isfinite(low):
            low = least
        high = norm(self._gradient()) / radius
        damping = min(max(self._damping, low), high)
        if not damping > 0:
            damping = FIRST_SHARE * high
        for _ in range(MOST_DAMPINGS):
            self._damping = damping
            r = self._damped(damping)
            p = substituted(r[:, :-1], r[:, -1])
            length = norm(p)
            if abs(length - radius) <= SLACK * radius:
                break
            if length > radius:
                low = max(low, damping)
            else:
                high = min(high, damping)
            damping = min(max(self._next_damping(damping, r, p, length, radius), low), high)
        return p

    def _next_damping(self, damping: float, r: Array, p: Array, length: float, radius: float) -> float:
        """Newton's next damping after one whose triangle and step these are."""
        w = solved_transposed(r, p)
        share = np.divide(length, norm(w))
        return float(damping + (length - radius) / radius * share * share)

    def _damped(self, damping: float) -> Array:
        """The triangle with the root of the damping below: each of its rows below one of R."""
        n = self.x.size
        rows = np.zeros((2 * n, n + 1))
        rows[::2] = self._triangle
        rows[np.arange(1, 2 * n, 2), np.arange(n)] = np.sqrt(damping)
        return triangle(rows, in_order)

    def _trial_at(self, p: Array, promised: bool) -> Array:
        """The trial at the end of p, within the bounds; the model promises for p if it holds for p."""
        self._size, self._reach = self.size(), norm(p)
        self._trial = self.x + p / self.d
        if self._bounds is not None:
            self._trial = np.clip(self._trial, *self._bounds)
            p = (self._trial - self.x) * self.d
        self._p, self._length = p, norm(p)
        if promised:
            self._predicted = self._slope = 0.0
            for i, row in enumerate(self._triangle):
                bend = inner(row[i:-1], p[i:])
                self._slope = self._slope - bend * row[-1]
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


def solved_transposed(r: Array, right: Array) -> Array:
    """The z with R^T z = right; 0 where R is singular."""
    z = np.zeros(right.size)
    for j in range(z.size):
        total = right[j]
        for i in range(j):
            total = total - r[i, j] * z[i]
        z[j] = total / r[j, j] if r[j, j] > 0 else 0.0
    return z


def inner(x: Array, y: Array) -> float:
    """The inner product, added from the first element on."""
    return float(np.add.accumulate(x * y)[-1])


def norm(x: Array) -> float:
    return float(np.sqrt(inner(x, x)))
