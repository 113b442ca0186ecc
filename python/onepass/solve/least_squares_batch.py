"""How are thousands of small fits made at once? Levenberg-Marquardt, vectorized over the problems that still run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from onepass.groups import Array
from onepass.solve.callbacks import checked
from onepass.solve.derivatives import differences
from onepass.solve.least_squares import LEAST_GAIN, ROUNDING, check_tolerances, checked_bounds, start
from onepass.solve.levenberg_marquardt import FIRST_DAMPING, LEAST_DAMPING, LEAST_FACTOR
from onepass.solve.losses import Loss
from onepass.solve.residuals import Bounds, Functions, Jacobian, precision_of
from onepass.solve.result import OptimizeResult, Status
from onepass.solve.stacked import damped, times, triangles


def least_squares_batch(
    residual: Callable[..., Any],
    x0: Any,
    jac: Jacobian = None,
    *,
    bounds: Any = (-np.inf, np.inf),
    loss: str | Callable[[Array], Any] = "linear",
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
    check_tolerances(ftol=ftol, xtol=xtol, gtol=gtol)
    if isinstance(max_iter, bool) or not isinstance(max_iter, (int, np.integer)) or max_iter < 0:
        raise ValueError(f"max_iter must be an int of at least 0, got {max_iter!r}")
    if isinstance(block, bool) or not isinstance(block, (int, np.integer)) or block < 1:
        raise ValueError(f"block must be an int of at least 1, got {block!r}")
    functions = BatchFunctions(residual, jac, args, kwargs or {}, box, len(x))
    rho = Loss(loss, f_scale)
    found = Found(x)
    for first in range(0, len(x), block):
        batch = Batch(found, np.arange(first, min(first + block, len(x))), functions, rho, box)
        batch.stop(~batch.finite, Status.NONFINITE_START)
        batch.stop(batch.cosine <= gtol, Status.GRADIENT)
        for _ in range(max_iter):
            if not batch.index.size:
                break
            batch.iterate(ftol, xtol, gtol)
        batch.stop(np.ones(batch.index.size, bool), Status.MAX_ITERATIONS)
    return found.result(functions)


class BatchFunctions(Functions):
    """The user's functions for some of the problems, checked, copied and counted."""

    def __init__(
        self,
        residual: Callable[..., Any],
        jac: Jacobian,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        bounds: Bounds,
        problems: int,
    ) -> None:
        super().__init__(residual, jac, args, kwargs, bounds)
        self.calls = 0
        self.evaluations = np.zeros(problems, int)

    def residuals(self, x: Array, index: Array) -> Array:
        """Of these problems, shape (k, m)."""
        self.calls += 1
        self.evaluations[index] += 1
        returned = self._residual(locked(x), locked(index), *self._args, **self._kwargs)
        f = checked("residual", returned, (index.size, self._m), np.float64)
        if self._m is None:
            if not f.size:
                raise ValueError(f"residual must return at least one number per problem, got the shape {f.shape}")
            self._m = f.shape[1]
            self._precision = precision_of(returned)
        return f

    def columns(self, x: Array, index: Array, f: Array, typical: Array) -> Array:
        """The columns of the Jacobians, shape (n, k, m)."""
        if self._jac is not None:
            returned = self._jac(locked(x), locked(index), *self._args, **self._kwargs)
            jacobians = checked("jac", returned, (*f.shape, x.shape[1]), np.float64)
            return np.ascontiguousarray(np.moveaxis(jacobians, 2, 0))
        with np.errstate(over="ignore", invalid="ignore"):
            return differences(
                lambda moved: self.residuals(moved, index),
                x,
                f,
                self._scheme,
                typical=typical,
                bounds=self._bounds,
                precision=self._precision,
            )


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
    """The state of the problems of a block that still run, along the first axis of all arrays but one."""

    def __init__(self, found: Found, index: Array, functions: BatchFunctions, loss: Loss, bounds: Bounds) -> None:
        self._found, self._functions, self._loss, self._bounds = found, functions, loss, bounds
        self.index, self.x = index, found.x[index]
        problems, n = self.x.shape
        self.f = functions.residuals(self.x, self.index)
        self.cost = loss.cost(self.f)
        self.finite = np.isfinite(self.cost)
        self.first = np.ones(problems, bool)  # no trial has failed since the last step
        self.longest = np.zeros(problems)  # of the trials since then
        self.typical = np.zeros((problems, n))
        self.d = np.zeros((problems, n))
        self.damping = np.full(problems, np.nan)
        self.growth = np.full(problems, 2.0)
        self.triangle = np.zeros((n, n + 1, problems))
        self.cosine = np.zeros(problems)
        self._differentiate(np.flatnonzero(self.finite))

    def iterate(self, ftol: float, xtol: float, gtol: float) -> None:
        """One trial step of each problem that runs."""
        x, length, predicted, size = self._propose()
        f = self._functions.residuals(x, self.index)
        taken, by_value, by_step, stuck = self._judge(x, f, length, predicted, size, ftol, xtol)
        # No derivatives where a criterion of the step has spoken.
        self._differentiate(np.flatnonzero(taken & ~by_value & ~by_step))
        status = np.zeros(taken.size, int)
        for reason, where in (
            (Status.NO_DECREASE, stuck),
            (Status.NONFINITE, ~self.finite),
            (Status.GRADIENT, taken & self.finite & (self.cosine <= gtol)),
            (Status.STEP, by_step),
            (Status.VALUE, by_value),
        ):
            status[where] = reason
        self._stop(status)

    @np.errstate(over="ignore", invalid="ignore")
    def _propose(self) -> tuple[Array, Array, Array, Array]:
        """Trial points, lengths of the scaled steps to them, what the models promise, sizes of the scaled x."""
        d = np.where(self.d > 0, self.d, 1.0)
        p = damped(self.triangle, np.sqrt(self.damping) * np.ones_like(d.T))
        x = self.x + p.T / d
        if self._bounds is not None:
            x = np.clip(x, *self._bounds)
            p = ((x - self.x) * d).T
        bend, right = times(self.triangle, p), self.triangle[:, -1]
        predicted = -np.einsum("ik,ik->k", bend, right + 0.5 * bend)
        length = np.sqrt(np.einsum("ik,ik->k", p, p))
        size = np.sqrt(np.einsum("kn,kn->k", d * self.x, d * self.x))
        return x, length, predicted, size

    @np.errstate(over="ignore", invalid="ignore")
    def _judge(
        self, x: Array, f: Array, length: Array, predicted: Array, size: Array, ftol: float, xtol: float
    ) -> tuple[Array, Array, Array, Array]:
        """Takes the trials that gain enough and adapts the damping.

        Returns:
            Where a trial was taken, where value and step are within their tolerances, and where no step leads on.
        """
        new_cost = self._loss.cost(f)
        actual = np.where(np.isfinite(new_cost), self.cost - new_cost, -np.inf)
        gain = np.where(predicted > 0, actual / np.where(predicted > 0, predicted, 1.0), -np.inf)
        taken = (actual > 0) & (gain >= LEAST_GAIN)

        by_value = self.first & (predicted <= ftol * self.cost) & (np.abs(actual) <= max(ftol, ROUNDING) * self.cost)
        negligible = length <= xtol * (xtol + size)
        self.longest = np.where(self.first, length, self.longest)
        was_right = self.longest <= np.sqrt(xtol) * size
        by_step = negligible & (self.first | (~taken & was_right))
        stuck = negligible & ~self.first & ~taken & ~was_right

        kinder = np.maximum(LEAST_FACTOR, 1 - (2 * np.minimum(gain, 1.0, where=taken, out=np.ones_like(gain)) - 1) ** 3)
        floor = LEAST_DAMPING * self._curvature()
        self.damping = np.where(taken, self.damping * kinder, np.maximum(self.damping, floor) * self.growth)
        self.growth = np.where(taken, 2.0, 2 * self.growth)
        self.first = taken
        moved = np.flatnonzero(taken)
        if moved.size == taken.size:
            self.x, self.f, self.cost = x, f, new_cost
        else:
            self.x[moved], self.f[moved], self.cost[moved] = x[moved], f[moved], new_cost[moved]
        self._found.steps[self.index[moved]] += 1
        return taken, by_value, by_step, stuck

    def stop(self, where: Array, reason: Status) -> None:
        """Ends some of the problems that run."""
        self._stop(np.where(where, int(reason), int(Status.RUNNING)))

    def _stop(self, status: Array) -> None:
        """Ends those with a status, and keeps of all arrays what belongs to the others."""
        ends = status != Status.RUNNING
        if not ends.any():
            return
        gone, keep = self.index[ends], ~ends
        found = self._found
        found.x[gone], found.cost[gone], found.status[gone] = self.x[ends], self.cost[ends], status[ends]
        for name in (
            "index",
            "x",
            "f",
            "cost",
            "finite",
            "first",
            "longest",
            "typical",
            "d",
            "damping",
            "growth",
            "cosine",
        ):
            setattr(self, name, getattr(self, name)[keep])
        self.triangle = self.triangle[:, :, keep]

    def _differentiate(self, rows: Array) -> None:
        """Jacobians and their factors, of some of the problems that run."""
        if not rows.size:
            return
        x, f, index = self.x, self.f, self.index
        if rows.size < index.size:
            x, f, index = x[rows], f[rows], index[rows]
        typical = np.maximum(self.typical[rows], np.abs(x))
        self.typical[rows] = typical
        a = self._functions.columns(x, index, f, np.where(typical > 0, typical, 1.0))
        self._factor(rows, x, f, a)

    @np.errstate(over="ignore", invalid="ignore")
    def _factor(self, rows: Array, x: Array, f: Array, a: Array) -> None:
        """The triangles of these Jacobians, and what follows from them."""
        if not self._loss.is_linear:
            of_f, of_rows = self._loss.scales(f)
            f = f * of_f
            a *= of_rows
        length = np.sqrt(np.einsum("km,km->k", f, f))
        triangle = triangles(a, f)
        # What A says of its columns, R says as well, in fewer numbers.
        norms = np.sqrt(np.einsum("ijk,ijk->jk", triangle[:, :-1], triangle[:, :-1]))
        gradient = np.einsum("ijk,ik->jk", triangle[:, :-1], triangle[:, -1])
        finite = np.isfinite(norms.sum(axis=0)) & np.isfinite(gradient.sum(axis=0))
        self.finite[rows] = finite
        if not finite.all():
            triangle[:, :, ~finite], norms[:, ~finite], gradient[:, ~finite] = 0, 0, 0
        scale = norms * length
        cosines = np.abs(gradient) / np.where(scale > 0, scale, 1.0)
        if self._bounds is not None:
            lower, upper = self._bounds
            held = ((x <= lower).T & (gradient > 0)) | ((x >= upper).T & (gradient < 0))
            cosines[held] = 0
            triangle[:, :-1] *= ~held
        self.cosine[rows] = cosines.max(axis=0)
        largest = np.maximum(self.d[rows], norms.T)
        self.d[rows] = largest
        triangle[:, :-1] /= np.where(largest > 0, largest, 1.0).T
        if rows.size == self.index.size:
            self.triangle = triangle
        else:
            self.triangle[:, :, rows] = triangle
        fresh = np.isnan(self.damping[rows])
        self.damping[rows] = np.where(fresh, FIRST_DAMPING * self._curvature()[rows], self.damping[rows])

    def _curvature(self) -> Array:
        """The largest squared norm of a column of R, within a factor n of the largest curvature."""
        columns: Array = np.einsum("ijk,ijk->jk", self.triangle[:, :-1], self.triangle[:, :-1]).max(axis=0)
        return columns
