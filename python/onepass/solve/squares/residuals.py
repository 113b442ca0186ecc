"""What do the user's residuals say at a point? Values and the Jacobian, checked, copied and counted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from onepass._core import Residuals as OfUser
from onepass.arrays import Array
from onepass.solve.callbacks import checked
from onepass.solve.derivatives import SCHEMES, Map, Scheme, cost, differences, precision_of, relative_step, step_sizes
from onepass.solve.squares.lsmr import Stopping
from onepass.solve.squares.sparsity import Sparsity, dense, is_operator, is_sparse

Jacobian = Callable[..., Any] | Scheme | None
Bounds = tuple[Array, Array] | None

#: In which residuals are computed.
DOUBLE = np.dtype(np.float64)
#: The relative steps of differences there.
OF_DOUBLES = {scheme: relative_step(scheme, DOUBLE) for scheme in SCHEMES}


class Curve(NamedTuple):
    """What makes residuals of a curve, which is called with x and the parameters one by one.

    Attributes:
        y: the data, shape (m,).
        weights: 1 / sigma, shape (m,), or None.
    """

    x: Any
    y: Array
    weights: Array | None

    # What the core does with plain arrays, for all else that the curve and its derivatives return.

    def finish(self, found: Any) -> Any:
        """The residuals, given the curve's values."""
        return self.whitened(found - self.y)

    def whitened(self, found: Any) -> Any:
        """The Jacobian of the residuals, given the curve's."""
        return found if self.weights is None else weighted(found, self.weights)


class Solver(NamedTuple):
    """How linear problems are solved, where the caller leaves that open.

    Attributes:
        name: as SciPy has it: "exact", by QR, which refuses sparse Jacobians; "lsmr"; None decides by the size.
        stopping: when LSMR stops.
        columns: the user asked for the norms of the Jacobian's columns, which an operator does not tell.
    """

    name: str | None
    stopping: Stopping
    columns: bool


class User(NamedTuple):
    """What the user gave.

    Attributes:
        residual: of x, shape (n,), an array of shape (m,); for many problems there is an axis before those.
        jac: of x, an array of shape (m, n); or a scheme of differences; None is simple ones until `Residuals.refine`.
        args, kwargs: passed on to both.
        bounds: within which residual is called, or None.
        name: the argument that residual was.
        steps: of differences, relative to the parameters; None leaves them to the scheme.
        each: the map with which differences call residual.
        sparsity: of the Jacobian, for differences.
        solver: of linear problems; None makes all that is sparse dense.
        curve: residual and jac are those of a curve.
    """

    residual: Callable[..., Any]
    jac: Jacobian
    args: Sequence[Any]
    kwargs: Mapping[str, Any]
    bounds: Bounds
    name: str = "residual"
    steps: Array | None = None
    each: Map | None = None
    sparsity: Sparsity | None = None
    solver: Solver | None = None
    curve: Curve | None = None


class Functions:
    """The user's functions, and what is known of them once they have been called."""

    def __init__(self, user: User) -> None:
        self._residual, self._args, self._kwargs, self._bounds = user.residual, user.args, user.kwargs, user.bounds
        self._name = user.name
        self._jac, self._scheme = chosen(user.jac)
        self._m: int | None = None
        self._precision: Any = None


class Residuals(Functions, OfUser):
    """The user's functions at points that they cannot change: the core calls and counts them, this does the rest.

    Raises:
        TypeError, ValueError: what a function returned has another shape or is no array of real numbers.
    """

    def __init__(self, user: User) -> None:
        Functions.__init__(self, user)
        bounds = user.bounds
        #: The parameters whose bounds differ, or None for all.
        self._free = None if bounds is None or (bounds[0] < bounds[1]).all() else np.flatnonzero(bounds[0] < bounds[1])
        #: Whether differences are simple ones, of which there are better ones.
        self.is_rough = user.jac is None
        self._steps, self._each, self._sparsity = user.steps, user.each, user.sparsity
        self._solver = user.solver
        #: Whether Jacobians are large ones.
        self.is_large = False
        #: Whether the Jacobian that the user returned last is sparse, or an operator.
        self.is_sparse = user.sparsity is not None
        # Whether differences move one parameter after the other.
        is_plain = self._free is None and user.each is None and user.sparsity is None and self._scheme != "cs"
        curve = user.curve
        function = user.residual if curve else with_arguments(user.residual, user.args, user.kwargs)
        jac = self._jac if self._jac is None or curve else with_arguments(self._jac, user.args, user.kwargs)
        lower, upper = bounds or (None, None)
        OfUser.__init__(
            self,
            function,
            jac,
            curve and (curve.x, curve.y, curve.weights, curve.finish),
            lower,
            upper,
            is_plain,
            user.steps is not None,
            OF_DOUBLES[self._scheme],
            self._scheme == "3-point",
        )
        self._curve = curve

    def starts(self, n: int, max_nfev: int | None) -> None:
        """There are n parameters, and so many calls."""
        calls = self.per_jacobian = cost(self._scheme, self._varied(n)) if self._jac is None else 0
        self.budget = max_nfev or 200 * (n + 1) * (1 + (2 * n if self.is_rough else calls))

    def refine(self, n: int) -> bool:
        """Whether differences are central ones from now on: if the calls suffice."""
        self.is_rough = False
        calls = cost("3-point", self._varied(n))
        finer = self.nfev + calls <= self.budget
        if finer:
            self._scheme, self.central, self.per_jacobian = "3-point", True, calls
            self.relative = self._relative_step()
        return finer

    def _relative_step(self) -> float:
        """Of differences, given the precision of what the residuals return, where that is known to be less."""
        if self._precision is None:
            return OF_DOUBLES[self._scheme]
        return relative_step(self._scheme, DOUBLE, self._precision)

    def _varied(self, n: int) -> int:
        if self._sparsity is not None:
            return self._sparsity.count
        return n if self._free is None else self._free.size

    def derivatives(self, x: Array, f: Array, sizes: Array | None) -> Any:
        """The Jacobian at x, where the residuals are f; sizes as in `jacobian`, which makes all of them arrays."""
        return self.jacobian(x, f, sizes)

    def _check_solver(self, returned: Any) -> None:
        """Raises where the user asked for what a sparse Jacobian does not tell."""
        if self._solver is None:
            return
        if self._solver.name == "exact":
            raise ValueError('tr_solver="exact" is for Jacobians that are not sparse; leave it out')
        if self._solver.columns and is_operator(returned):
            raise ValueError(
                'x_scale="jac" needs the columns of the Jacobian; jac returned an operator: leave it out, or pass sizes'
            )

    def _checked_jacobian(self, returned: Any, m: int, n: int) -> Array:
        """What jac returned, if it is no plain array."""
        self.is_sparse = is_sparse(returned)
        if self.is_sparse:
            self._check_solver(returned)
        found = dense(returned) if self.is_sparse else np.asarray(returned)
        if found.ndim == 1 and 1 in (m, n):
            found = found.reshape(m, -1)
        found = checked("jac", found, (m, n), np.float64)
        if self._free is not None:
            found[:, np.setdiff1d(np.arange(n), self._free)] = 0
        return found

    def _whitened(self, returned: Any) -> Any:
        """What the derivatives of the curve returned, if it is no plain array."""
        assert self._curve is not None
        return self._curve.whitened(np.asarray(returned))

    def _differences(self, x: Array, f: Array, typical: Array) -> Array:
        """The Jacobian by differences that are not plain ones."""
        if self._sparsity is not None:
            return self._sparsity.array(self._of_places(x, f, typical))
        if self._free is None:
            found = self._of_columns(x, f, np.arange(x.size), typical, self._bounds)
        else:
            found = np.zeros((f.size, x.size))
            found[:, self._free] = self._of_columns(x, f, self._free, typical, self._bounds)
        return found if np.isfinite(found).all() else self._mended(x, f, typical, found)

    def _of_places(self, x: Array, f: Array, typical: Array) -> Array:
        """The numbers of the Jacobian at the places of the sparsity; those left and right of the domain's edge last."""
        assert self._sparsity is not None
        self._sparsity.check((f.size, x.size))
        of_items = self._sparsity.pattern.columns
        everywhere = np.full(x.size, np.inf)
        lower, upper = self._bounds or (-everywhere, everywhere)
        ahead = x >= 0
        found = np.full(of_items.size, np.nan)
        for room in (
            self._bounds,
            (np.where(ahead, lower, x), np.where(ahead, x, upper)),
            (np.where(ahead, x, lower), np.where(ahead, upper, x)),
        ):
            with np.errstate(divide="ignore", invalid="ignore"):
                again = self._of_columns(x, f, np.arange(x.size), typical, room)
            lost = marked(of_items[~np.isfinite(found)], x.size)[of_items]
            found[lost] = again[lost]
            if self._free is not None:
                found[~marked(self._free, x.size)[of_items]] = 0
            is_done = np.isfinite(found).all() or self._scheme == "cs"
            if is_done or self.nfev + cost(self._scheme, self._sparsity.count) > self.budget:
                break
        return found

    def _of_columns(self, x: Array, f: Array, columns: Array, typical: Array, bounds: Bounds) -> Array:
        """Some columns of the Jacobian."""
        few = columns.size < x.size

        def placed(part: Array) -> Array:
            point = x.astype(part.dtype)
            point[columns] = part
            return point

        function = self._complex if self._scheme == "cs" else self
        return differences(
            (lambda part: function(placed(part))) if few else function,
            x[columns] if few else x,
            f,
            self._scheme,
            typical=typical[columns] if few else typical,
            bounds=None if bounds is None else (bounds[0][columns], bounds[1][columns]),
            precision=self._precision,
            steps=None if self._steps is None else self._given_steps(x, typical)[columns],
            each=map if self._each is None or few else self._mapped,
            pattern=None if self._sparsity is None else self._sparsity.pattern,
        ).T

    def _mended(self, x: Array, f: Array, typical: Array, found: Array) -> Array:
        """The Jacobian where differences left the domain of the residuals: those on one side, then on the other."""
        found, everywhere = found.copy(), np.full(x.size, np.inf)
        finite: Array = np.isfinite(found).all(axis=0)  # type: ignore[assignment]
        lower, upper = self._bounds or (-everywhere, everywhere)
        ahead = x >= 0
        for closed in (ahead, ~ahead):
            columns = np.flatnonzero(~finite)
            if not columns.size or self._scheme == "cs" or self.nfev + cost(self._scheme, columns.size) > self.budget:
                break
            room = np.where(closed, lower, x), np.where(closed, x, upper)
            with np.errstate(divide="ignore"):
                found[:, columns] = self._of_columns(x, f, columns, typical, room)
            finite = np.isfinite(found).all(axis=0)  # type: ignore[assignment]
        return found

    def _given_steps(self, x: Array, typical: Array) -> Array:
        """Of differences: the user's share of each parameter, or where that is 0 what is usual."""
        own = np.where(x < 0, -1.0, 1.0) * self._steps * np.abs(x)
        return np.where((x + own) - x == 0, step_sizes(x, self._scheme, typical, self._precision), own)

    def _checked(self, returned: Any) -> Array:
        """What the residuals returned, if it is no plain array, or the first one."""
        if isinstance(returned, float | int | np.number) or (isinstance(returned, np.ndarray) and not returned.ndim):
            returned = np.atleast_1d(returned)
        f = checked(self._name, returned, (self.count,), np.float64)
        if self.count is None:
            if not f.size:
                raise ValueError(f"{self._name} must return at least one number, got an array of shape (0,)")
            self._precision = precision_of(returned)
            self.relative = self._relative_step()
        return f

    def _complex(self, x: Array) -> Array:
        """At a point with an imaginary part."""
        self.nfev += 1
        returned = np.atleast_1d(self._residual(x, *self._args, **self._kwargs))
        if returned.dtype.kind != "c" or returned.shape != (self.count,):
            raise TypeError(
                f'jac="cs" needs {self._name} to be complex, of shape ({self.count},), where x is complex; it returned '
                f'{returned.dtype} of shape {returned.shape}. jac="3-point" does without'
            )
        return returned

    def _mapped(self, function: Callable[[Array], Any], points: Iterable[Array]) -> Iterator[Array]:
        """At these points, by the user's map, which may call the residuals elsewhere."""
        at = partial(called, self._residual, self._args, self._kwargs)
        assert self._each is not None
        for returned in self._each(at, points):
            self.nfev += 1
            yield np.asarray(returned) if self._scheme == "cs" else self._checked(returned)


def weighted(found: Any, weights: Array) -> Any:
    """Residuals, or the rows of their Jacobian, times weights."""
    return found * (weights if np.ndim(found) == 1 else weights[:, None])


def marked(numbers: Array, size: int) -> Array:
    """True at these numbers, of so many."""
    marks = np.zeros(size, bool)
    marks[numbers] = True
    return marks


def with_arguments(
    residual: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> Callable[[Array], Any]:
    """The residuals of x alone."""
    return (lambda x: residual(x, *args, **kwargs)) if args or kwargs else residual


def called(residual: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], x: Array) -> Any:
    """What another process can do as well."""
    return residual(x, *args, **kwargs)


def chosen(jac: Jacobian) -> tuple[Callable[..., Any] | None, Scheme]:
    """The function, if jac is one, and the scheme of differences for want of one."""
    if callable(jac):
        return jac, "2-point"
    if jac is None:
        return None, "2-point"
    if isinstance(jac, str) and jac in SCHEMES:
        return None, jac
    raise ValueError(f"jac must be a function, None, {' or '.join(map(repr, SCHEMES))}, got {jac!r}")
