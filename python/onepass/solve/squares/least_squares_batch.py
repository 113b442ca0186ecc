"""How are thousands of small fits made at once? Levenberg-Marquardt, for all that still run in each call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from onepass._core import LevenbergMarquardt
from onepass.arrays import Array
from onepass.solve.callbacks import checked
from onepass.solve.derivatives import differences, precision_of
from onepass.solve.result import OptimizeResult, Status
from onepass.solve.squares.arguments import UNBOUNDED, checked_bounds, start
from onepass.solve.squares.losses import Loss, LossName
from onepass.solve.squares.residuals import Bounds, Functions, Jacobian, User, typical_sizes, unknown_parts
from onepass.solve.squares.settings import BatchSettings, Tolerances


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
        bounds: lower and upper, a number or one per parameter each, the same for all problems.
        loss, f_scale, ftol, xtol, gtol: as in `least_squares`.
        max_iter: trial steps of each problem at most.
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
    settings = BatchSettings(ftol, xtol, gtol, f_scale, max_iter, block)
    functions = BatchFunctions(User(residual, jac, args, kwargs or {}, box), len(x))
    rho = Loss(loss, settings.f_scale)
    found = Found(x)
    for first in range(0, len(x), settings.block):
        batch = Batch(found, np.arange(first, min(first + settings.block, len(x))), functions, rho, box, settings)
        for _ in range(settings.max_iter):
            if not batch.rows.size:
                break
            batch.iterate()
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
        columns = differences(
            lambda moved: self.residuals(moved, index, copy=False),
            x,
            f,
            self._scheme,
            typical=typical,
            bounds=self._bounds,
            precision=self._precision,
        )
        return np.moveaxis(columns, 0, 2)


def locked(array: Array) -> Array:
    """A view through which nobody writes."""
    view = array.view()
    view.flags.writeable = False
    return view


class Found:
    """Where the problems ended."""

    def __init__(self, x: Array) -> None:
        self.x, self.cost = x, np.empty(len(x))
        self.status = np.full(len(x), int(Status.RUNNING))
        self.steps = np.zeros(len(x), int)

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


class Batch:
    """Problems that run together; `rows` are the numbers within the batch of those that have not stopped."""

    def __init__(
        self,
        found: Found,
        index: Array,
        functions: BatchFunctions,
        loss: Loss,
        bounds: Bounds,
        stop: Tolerances,
    ) -> None:
        self._found, self._index, self._functions, self._loss = found, index, functions, loss
        x = found.x[index]
        f = functions.residuals(x, index)
        costs = loss.cost(f)
        found.cost[index] = costs
        lower, upper = bounds or (None, None)
        self._lm = LevenbergMarquardt(x, costs, lower, upper, None, *stop.tolerances)
        self._largest, self._unknown = np.zeros(x.shape), unknown_parts(x)
        self.rows = np.flatnonzero(np.isfinite(costs))
        found.status[index] = Status.NONFINITE_START
        stops = self._differentiate(self.rows, x[self.rows], f[self.rows], is_start=True)
        self._stop(np.where(stops == Status.NONFINITE, int(Status.NONFINITE_START), stops))

    def iterate(self) -> None:
        """One trial step of each problem that runs."""
        found, rows = self._found, self.rows
        index = self._index[rows]
        x = self._lm.propose(rows)
        f = self._functions.residuals(x, index)
        costs = self._loss.cost(f)
        taken, stops = self._lm.judge(rows, costs)
        found.steps[index] += taken
        found.cost[index[taken]] = costs[taken]
        # No derivatives where a criterion of the step has spoken.
        moved = np.flatnonzero(taken & (stops == Status.RUNNING))
        if moved.size == rows.size:
            stops = self._differentiate(rows, x, f)
        elif moved.size:
            stops[moved] = self._differentiate(rows[moved], x[moved], f[moved])
        self._stop(stops)

    def end(self) -> None:
        """Those that still run have spent their iterations."""
        self._found.status[self._index[self.rows]] = Status.MAX_ITERATIONS
        self._found.x[self._index] = self._lm.x

    def _stop(self, stops: Array) -> None:
        self._found.status[self._index[self.rows]] = stops
        self.rows = self.rows[stops == Status.RUNNING]

    @np.errstate(over="ignore", invalid="ignore")
    def _differentiate(self, rows: Array, x: Array, f: Array, is_start: bool = False) -> Array:
        """Asks for the Jacobians at new points: which of the problems stop there."""
        if not rows.size:
            return np.empty(0, np.int8)
        typical = None if self._functions.has_jacobian else self._typical(rows, x, is_start)
        jacobians = self._functions.jacobians(x, self._index[rows], f, typical)
        if not self._loss.is_linear:
            slopes, of_rows = self._loss.scales(f)
            f, jacobians = f * (slopes / of_rows), jacobians * of_rows[..., None]
        return self._lm.differentiate(rows, f, jacobians)

    def _typical(self, rows: Array, x: Array, is_start: bool) -> Array:
        """What the steps of differences are small beside."""
        self._largest[rows] = largest = np.maximum(self._largest[rows], np.abs(x))
        unknown = None if self._unknown is None else self._unknown[rows]
        return typical_sizes(largest, None if is_start else self._lm.sizes(rows), unknown)
