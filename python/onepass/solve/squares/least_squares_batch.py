"""How are thousands of small fits made at once? Levenberg-Marquardt, for all that still run in each call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from threading import Event, Lock
from typing import Any

import numpy as np

from onepass._core import Data, LevenbergMarquardt, simple_differences
from onepass.arrays import Array
from onepass.solve.callbacks import Callback, checked
from onepass.solve.derivatives import differences, precision_of, step_sizes, within
from onepass.solve.result import OptimizeResult, Status
from onepass.solve.squares.arguments import UNBOUNDED, checked_bounds, sides_at, start
from onepass.solve.squares.levenberg_marquardt import BEND_AT
from onepass.solve.squares.losses import Loss, LossName
from onepass.solve.squares.residuals import Bounds, Functions, Jacobian, User
from onepass.solve.squares.settings import BatchSettings
from onepass.solve.workers import in_threads

#: Problems of which the core holds the state at once, in blocks.
HELD = 32
#: Arrays are compared with an enumeration's member several times as slowly as with its number.
RUNNING, NONFINITE = int(Status.RUNNING), int(Status.NONFINITE)
#: Gets the core of problems that have ended, and their numbers.
Ended = Callable[[LevenbergMarquardt, Array], None]


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
    block: int = 1024,
    workers: int = 1,
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
        callback: called after every round, in which each problem of the block began or tried a step, with a copy of x,
            shape (B, n), or, if its parameter is named intermediate_result, with an `OptimizeResult` of x, cost, status
            and nit. StopIteration ends all problems where they are; the cost of those that had not begun is NaN.
        block: problems that run together at most. Where one stops, the next begins. Hundreds are enough for speed, and
            their numbers stay in the cache.
        workers: threads that solve a part of the problems each. They call the functions at the same time, which gains
            where these release Python's lock, as NumPy's do; the bits are the same.

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
    return solved(
        residual,
        x0,
        jac,
        bounds=bounds,
        loss=loss,
        f_scale=f_scale,
        ftol=ftol,
        xtol=xtol,
        gtol=gtol,
        max_iter=max_iter,
        geodesic=geodesic,
        callback=callback,
        block=block,
        workers=workers,
        args=args,
        kwargs=kwargs,
    )


def solved(
    residual: Callable[..., Any],
    x0: Any,
    jac: Jacobian,
    *,
    bounds: Any,
    loss: LossName | Callable[[Array], Any],
    callback: Callable[..., object] | None,
    args: Sequence[Any],
    kwargs: Mapping[str, Any] | None,
    data: Data | None = None,
    ended: Ended = lambda core, index: None,
    **options: Any,
) -> OptimizeResult:
    """What `least_squares_batch` returns.

    Args:
        data: what the values that residual returns are to meet, if that is not 0.
        ended: called with the core of each part that has ended, and their numbers.
    """
    x = start(x0, ("B", "n"))
    box = checked_bounds(bounds, x)
    settings = BatchSettings(**options)
    if callback is not None and settings.workers > 1:
        raise ValueError(f"callback needs workers=1: it sees all problems at once, got workers={settings.workers}")
    functions = BatchFunctions(User(residual, jac, args, kwargs or {}, box), len(x), data)
    rho = Loss(loss, settings.f_scale)
    found, proceed, is_over = Found(x), Callback(callback), Event()

    def solve(first: int) -> None:
        if is_over.is_set():
            return
        index = np.arange(first, min(first + held, len(x)))
        batch = Batch(found, index, functions, rho, box, settings)
        while not is_over.is_set() and batch.iterate():
            if callback is not None:
                batch.keep()
                if not proceed(x, cost=found.cost, status=found.status, nit=found.steps):
                    found.status[found.status == Status.RUNNING] = Status.CALLBACK
                    is_over.set()
        batch.keep()
        ended(batch.core, index)

    # What bends need is kept of each problem, so they are few then.
    held = min(settings.block * (1 if settings.geodesic else HELD), -(-len(x) // settings.workers))
    in_threads(settings.workers, solve, range(0, len(x), held), is_over)
    return found.result(functions)


class BatchFunctions(Functions):
    """The user's functions for some of the problems, checked and counted.

    Args:
        data: what the values that residual returns are to meet, if that is not 0.
    """

    def __init__(self, user: User, problems: int, data: Data | None) -> None:
        super().__init__(user)
        if self._scheme == "cs":
            raise ValueError('jac must be a function, None, "2-point" or "3-point", got "cs": residuals are real here')
        self.calls, self._counting = 0, Lock()
        self.has_jacobian = self._jac is not None
        self.evaluations = np.zeros(problems, int)
        self._data = data

    def residuals(self, x: Array, index: Array) -> Array:
        """Of these problems, shape (k, m); valid until the next call."""
        values = self._values(x, index)
        return values if self._data is None else self._data.subtracted(values, index)

    def _values(self, x: Array, index: Array) -> Array:
        with self._counting:
            self.calls += 1
        self.evaluations[index] += 1
        returned = self._residual(locked(x), locked(index), *self._args, **self._kwargs)
        f = checked(self._name, returned, (index.size, self._m), np.float64, copy=False)
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
        if self._scheme == "2-point":
            columns = self._simple_differences(x, index, f, typical, bounds)
        else:
            columns = differences(
                lambda moved: self.residuals(moved, index),
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

    def _simple_differences(self, x: Array, index: Array, f: Array, typical: Any, bounds: Bounds) -> Array:
        """Those of `differences`, less the data and in one pass."""
        h = step_sizes(x, "2-point", typical, self._precision)
        if bounds is not None:
            h = within(x, h, *bounds)
        columns = np.empty((x.shape[1], *f.shape))
        for j, steps in enumerate(np.ascontiguousarray(h.T)):
            moved = x.copy()
            moved[:, j] += steps
            simple_differences(self._values(moved, index), self._data, index, f, steps, columns, j)
        return columns


def locked(array: Array) -> Array:
    """A view through which nobody writes."""
    view = array.view()
    view.flags.writeable = False
    return view


def some(items: Array, which: Array) -> Array:
    """Those of these numbers, which ascend; all of them without a copy."""
    return items if which.size == len(items) else items.take(which, axis=0)


def copied(items: Array, which: Array) -> Array:
    """A copy of those of these numbers, which ascend."""
    return items.copy() if which.size == len(items) else items.take(which, axis=0)


class Found:
    """Where the problems ended."""

    def __init__(self, x: Array) -> None:
        self.x, self.cost = x, np.full(len(x), np.nan)
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
    """Problems of which a block runs together: where one stops, another begins."""

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
        self._block, self._max_iter = settings.block, settings.max_iter
        lower, upper = (None, None) if bounds is None else sides_at(bounds, index)
        unknown = np.full(index.size, np.nan)
        self.core = LevenbergMarquardt(found.x[index], unknown, lower, upper, None, *settings.tolerances)
        #: The numbers within the batch of those that run.
        self._rows = np.arange(0)
        self._begun = self._round = 0
        #: In which round each began.
        self._since = np.zeros(index.size, int)

    def iterate(self) -> bool:
        """One trial step of each problem that runs, and the start of others; whether there were any."""
        found, old, begun = self._found, self._rows.size, self._begun
        self._begun = min(begun + self._block - old, self._index.size)
        self._since[begun : self._begun] = self._round
        rows = self._rows = np.concatenate((self._rows, np.arange(begun, self._begun)))
        if not rows.size:
            return False
        index = self._index[rows]
        x = self.core.propose(rows)
        if self._bends is not None and old:
            self._bend(self._bends, rows[:old], x[:old])
        f = self._functions.residuals(x, index)
        taken, stops = self.core.judge(rows, self._loss.cost(f))
        found.steps[index[:old]] += taken[:old]
        # No derivatives where a criterion of the step has spoken.
        moved = np.flatnonzero(taken & (stops == RUNNING))
        if moved.size:
            still = int(np.searchsorted(moved, old))
            stops[moved] = self._differentiate(some(rows, moved), some(x, moved), copied(f, moved), still)
        if self._round >= self._max_iter:
            is_spent = self._round - self._since[rows] >= self._max_iter
            stops[is_spent & (stops == RUNNING)] = Status.MAX_ITERATIONS
        found.status[index] = stops
        self._rows = rows[stops == RUNNING]
        self._round += 1
        return True

    def keep(self) -> None:
        """Writes down where the problems are."""
        self._found.x[self._index] = self.core.x
        self._found.cost[self._index] = self.core.costs

    @np.errstate(over="ignore", invalid="ignore")
    def _bend(self, bends: Bends, rows: Array, trials: Array) -> None:
        """Adds geodesic accelerations to the trials of those of which the second derivative can be had."""
        steps = self.core.steps(rows)
        x = self.core.x[rows] + BEND_AT * steps
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
            trials[inside[known]] = self.core.accelerate(rows[inside[known]], along[known])

    @np.errstate(over="ignore", invalid="ignore")
    def _differentiate(self, rows: Array, x: Array, f: Array, old: int) -> Array:
        """Asks for the Jacobians at new points, which are the starts of all but so many: which of the problems stop."""
        core = self.core
        typical = None
        if not self._functions.has_jacobian:
            typical = np.concatenate((core.typical_sizes(rows[:old], False), core.typical_sizes(rows[old:], True)))
        jacobians = self._functions.jacobians(x, self._index[rows], f, typical)
        if self._bends is not None:
            self._bends.see(rows, f, jacobians, self._index.size)
        if not self._loss.is_linear:
            slopes, of_rows = self._loss.scales(f)
            f, jacobians = f * (slopes / of_rows), jacobians * of_rows[..., None]
        stops = core.differentiate(rows, f, jacobians)
        starts = stops[old:]
        starts[starts == NONFINITE] = Status.NONFINITE_START
        return stops
