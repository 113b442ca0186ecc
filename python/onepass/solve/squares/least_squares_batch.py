"""How are thousands of small fits made at once? Levenberg-Marquardt, for all that still run in each call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from onepass._core import LevenbergMarquardt
from onepass.arrays import Array
from onepass.solve.callbacks import Callback, checked
from onepass.solve.derivatives import differences, precision_of
from onepass.solve.result import OptimizeResult, Status
from onepass.solve.squares.arguments import UNBOUNDED, checked_bounds, sides_at, start
from onepass.solve.squares.levenberg_marquardt import BEND_AT
from onepass.solve.squares.losses import Loss, LossName
from onepass.solve.squares.residuals import Bounds, Functions, Jacobian, User
from onepass.solve.squares.settings import BatchSettings


def least_squares_batch(
    residual: Callable[..., Any],
    x0: Any,
    jac: Jacobian = None,
    *,
    bounds: Any = UNBOUNDED,
    loss: LossName | Callable[[Array], Any] = "linear",
    f_scale: float = 1.0,
    ftol: float = 1e-15,
    xtol: float = 1e-10,
    gtol: float = 1e-10,
    max_iter: int = 200,
    geodesic: bool = False,
    callback: Callable[..., object] | None = None,
    block: int = 2048,
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
) -> OptimizeResult:
    r"""Solves B independent problems of n parameters and m residuals each, every one until it has converged.

    The method, the losses and the criteria are those of `least_squares` with method="lm" and x_scale="jac". A problem
    that has stopped is left out of all later calls.

    Args:
        residual: given x of shape (k, n) and index of shape (k,), the numbers of the problems that these are, the
            residuals, shape (k, m); called as residual(x, index, \*args, \*\*kwargs). It must not change x or index.
        x0: starts, shape (B, n). It is not changed.
        jac: the Jacobians, shape (k, m, n), called alike; "2-point" (also None) or "3-point" for differences.
        bounds: lower and upper, each a number, one per parameter, shape (n,), or those of each problem, shape (B, n).
            A parameter with equal bounds is fixed.
        loss, f_scale, ftol, xtol, gtol: as in `least_squares`.
        max_iter: trial steps of each problem at most.
        geodesic: adds the second-order correction of `least_squares` to the steps, by one more call of residual.
        callback: called after every trial step of a block with a copy of x, shape (B, n), or, if its parameter is named
            intermediate_result, with an `OptimizeResult` of x, cost, status and nit. StopIteration ends all problems
            where they are; the cost of those that had not begun is NaN.
        block: problems that run together at most. Each block starts when the one before has ended; thousands are enough
            for speed, and fewer numbers stay in the cache.

    Returns:
        x, shape (B, n); cost, status and success, shape (B,), the status by its number in `Status`; nit and nfev, shape
        (B,), the steps and the evaluations of each problem; calls, how often residual was called; message, which counts
        the statuses.

    Raises:
        TypeError, ValueError: naming the argument, or what a function returned.

    Example:
        >>> import numpy as np
        >>> from onepass.solve import least_squares_batch
        >>> t, rates = np.linspace(0, 1, 20), np.array([1.0, 2.0, 3.0])
        >>> y = np.exp(-rates[:, None] * t)
        >>> fits = least_squares_batch(lambda x, index: np.exp(-x * t) - y[index], np.ones((3, 1)))
        >>> fits.x.ravel().round(6)
        array([1., 2., 3.])
    """
    x = start(x0, ("B", "n"))
    box = checked_bounds(bounds, x)
    settings = BatchSettings(ftol, xtol, gtol, f_scale, max_iter, block, geodesic)
    functions = BatchFunctions(User(residual, jac, args, kwargs or {}, box), len(x))
    rho = Loss(loss, settings.f_scale)
    found, proceed = Found(x), Callback(callback)
    for first in range(0, len(x), settings.block):
        batch = Batch(found, np.arange(first, min(first + settings.block, len(x))), functions, rho, box, settings)
        for _ in range(settings.max_iter):
            if not batch.rows.size:
                break
            batch.iterate()
            if callback is not None:
                batch.keep()
                if not proceed(x, cost=found.cost, status=found.status, nit=found.steps):
                    return found.stopped(functions)
        batch.end()
    return found.result(functions)


class BatchFunctions(Functions):
    """The user's functions for some of the problems, checked, copied and counted."""

    def __init__(self, user: User, problems: int) -> None:
        super().__init__(user)
        if self._scheme == "cs":
            raise ValueError('jac must be a function, None, "2-point" or "3-point", got "cs": residuals are real here')
        self.calls = 0
        self.has_jacobian = self._jac is not None
        self.evaluations = np.zeros(problems, int)

    def residuals(self, x: Array, index: Array, *, copy: bool = True) -> Array:
        """Of these problems, shape (k, m); without a copy, valid until the next call."""
        self.calls += 1
        self.evaluations[index] += 1
        returned = self._residual(locked(x), locked(index), *self._args, **self._kwargs)
        f = checked("residual", returned, (index.size, self._m), np.float64, copy=copy)
        if self._m is None:
            if not f.size:
                raise ValueError(f"residual must return at least one number per problem, got the shape {f.shape}")
            self._m = f.shape[1]
            self._precision = precision_of(returned)
        return f

    def jacobians(self, x: Array, index: Array, f: Array, typical: Any) -> Array:
        """Of these problems, shape (k, m, n); valid until the next call."""
        if self._jac is not None:
            returned = self._jac(locked(x), locked(index), *self._args, **self._kwargs)
            return checked("jac", returned, (*f.shape, x.shape[1]), np.float64, copy=False)
        bounds = None if self._bounds is None else sides_at(self._bounds, index)
        columns = differences(
            lambda moved: self.residuals(moved, index, copy=False),
            x,
            f,
            self._scheme,
            typical=typical,
            bounds=bounds,
            precision=self._precision,
        )
        jacobians = np.moveaxis(columns, 0, 2)
        if bounds is not None and (fixed := bounds[0] == bounds[1]).any():
            np.copyto(jacobians, 0.0, where=fixed[..., None, :])  # no steps were made
        return jacobians


def locked(array: Array) -> Array:
    """A view through which nobody writes."""
    view = array.view()
    view.flags.writeable = False
    return view


def some(items: Array, which: Array) -> Array:
    """Those of these numbers, which ascend; all of them without a copy."""
    return items if which.size == len(items) else items.take(which, axis=0)


class Found:
    """Where the problems ended."""

    def __init__(self, x: Array) -> None:
        self.x, self.cost = x, np.full(len(x), np.nan)
        self.status = np.full(len(x), int(Status.RUNNING))
        self.steps = np.zeros(len(x), int)

    def stopped(self, functions: BatchFunctions) -> OptimizeResult:
        """All problems, when the callback has ended those that still run."""
        self.status[self.status == Status.RUNNING] = Status.CALLBACK
        return self.result(functions)

    def result(self, functions: BatchFunctions) -> OptimizeResult:
        """All problems, when none runs any more."""
        numbers, counts = np.unique(self.status, return_counts=True)
        messages = {int(status): status.message for status in Status}
        said = [f"{count} x {messages[int(number)]}" for number, count in zip(numbers, counts, strict=True)]
        return OptimizeResult(
            x=self.x,
            cost=self.cost,
            status=self.status,
            success=self.status > 0,
            message="; ".join(said),
            nit=self.steps,
            nfev=functions.evaluations,
            calls=functions.calls,
        )


class Bends:
    """The residuals and Jacobians of problems that run together, and what they say of second derivatives."""

    def __init__(self, loss: Loss) -> None:
        self._loss = loss
        self._f, self._jacobians = np.empty((0, 0)), np.empty((0, 0, 0))

    def see(self, rows: Array, f: Array, jacobians: Array, problems: int) -> None:
        """Those at new points."""
        if not self._f.size:
            self._f, self._jacobians = np.empty((problems, f.shape[1])), np.empty((problems, *jacobians.shape[1:]))
        self._f[rows], self._jacobians[rows] = f, jacobians

    def along(self, rows: Array, f: Array, steps: Array) -> Array:
        """What `levenberg_marquardt.bend` is of each, where f is that share of the way along these steps."""
        jacobians = self._jacobians[rows]
        second = (f - self._f[rows]) / BEND_AT - np.einsum("kmn,kn->km", jacobians, steps)
        if not self._loss.is_linear:  # once for the residuals, once for the rows of J
            second *= self._loss.scales(self._f[rows])[1] ** 2
        found: Array = np.einsum("km,kmn->kn", (2 / BEND_AT) * second, jacobians)
        return found


class Batch:
    """Problems that run together; `rows` are the numbers within the batch of those that have not stopped."""

    def __init__(
        self,
        found: Found,
        index: Array,
        functions: BatchFunctions,
        loss: Loss,
        bounds: Bounds,
        settings: BatchSettings,
    ) -> None:
        self._found, self._index, self._functions, self._loss = found, index, functions, loss
        self._bounds, self._bends = bounds, Bends(loss) if settings.geodesic else None
        x = found.x[index]
        f = functions.residuals(x, index)
        costs = loss.cost(f)
        found.cost[index] = costs
        lower, upper = (None, None) if bounds is None else sides_at(bounds, index)
        self._lm = LevenbergMarquardt(x, costs, lower, upper, None, *settings.tolerances)
        self.rows = np.flatnonzero(np.isfinite(costs))
        found.status[index] = Status.NONFINITE_START
        stops = self._differentiate(self.rows, some(x, self.rows), some(f, self.rows), is_start=True)
        self._stop(np.where(stops == Status.NONFINITE, int(Status.NONFINITE_START), stops))

    def iterate(self) -> None:
        """One trial step of each problem that runs."""
        found, rows = self._found, self.rows
        index = self._index[rows]
        x = self._lm.propose(rows)
        if self._bends is not None:
            self._bend(self._bends, rows, x)
        f = self._functions.residuals(x, index)
        costs = self._loss.cost(f)
        taken, stops = self._lm.judge(rows, costs)
        found.steps[index] += taken
        found.cost[index[taken]] = costs[taken]
        # No derivatives where a criterion of the step has spoken.
        moved = np.flatnonzero(taken & (stops == Status.RUNNING))
        if moved.size:
            stops[moved] = self._differentiate(some(rows, moved), some(x, moved), some(f, moved))
        self._stop(stops)

    def end(self) -> None:
        """Those that still run have spent their iterations."""
        self._found.status[self._index[self.rows]] = Status.MAX_ITERATIONS
        self.keep()

    def keep(self) -> None:
        """Writes down where the problems are."""
        self._found.x[self._index] = self._lm.x

    @np.errstate(over="ignore", invalid="ignore")
    def _bend(self, bends: Bends, rows: Array, trials: Array) -> None:
        """Adds geodesic accelerations to the trials of those of which the second derivative can be had."""
        steps = self._lm.steps(rows)
        x = self._lm.x[rows] + BEND_AT * steps
        inside = np.arange(rows.size)
        if self._bounds is not None:
            lower, upper = sides_at(self._bounds, self._index[rows])
            inside = np.flatnonzero(((x >= lower) & (x <= upper)).all(axis=1))
        if not inside.size:
            return
        along = bends.along(
            rows[inside], self._functions.residuals(x[inside], self._index[rows[inside]]), steps[inside]
        )
        known = np.flatnonzero(np.isfinite(along).all(axis=1))
        if known.size:
            trials[inside[known]] = self._lm.accelerate(rows[inside[known]], along[known])

    def _stop(self, stops: Array) -> None:
        self._found.status[self._index[self.rows]] = stops
        self.rows = self.rows[stops == Status.RUNNING]

    @np.errstate(over="ignore", invalid="ignore")
    def _differentiate(self, rows: Array, x: Array, f: Array, is_start: bool = False) -> Array:
        """Asks for the Jacobians at new points: which of the problems stop there."""
        if not rows.size:
            return np.empty(0, np.int8)
        typical = None if self._functions.has_jacobian else self._lm.typical_sizes(rows, is_start)
        jacobians = self._functions.jacobians(x, self._index[rows], f, typical)
        if self._bends is not None:
            self._bends.see(rows, f, jacobians, self._index.size)
        if not self._loss.is_linear:
            slopes, of_rows = self._loss.scales(f)
            f, jacobians = f * (slopes / of_rows), jacobians * of_rows[..., None]
        return self._lm.differentiate(rows, f, jacobians)
