"""What do the user's residuals say at a point? Values and the Jacobian, checked, copied and counted."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from onepass._core import residual_differences
from onepass.arrays import Array
from onepass.solve.callbacks import checked
from onepass.solve.derivatives import SCHEMES, Map, Scheme, cost, differences, precision_of, relative_step, step_sizes
from onepass.solve.squares.sparsity import Sparsity, dense, is_sparse

Jacobian = Callable[..., Any] | Scheme | None
Bounds = tuple[Array, Array] | None

#: The least part of the length of x that a parameter counts as.
LEAST_PART = 1e-3


@dataclass(frozen=True)
class User:
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
        exact: a sparse Jacobian is refused.
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
    exact: bool = False


class Functions:
    """The user's functions, and what is known of them once they have been called."""

    def __init__(self, user: User) -> None:
        self._residual, self._args, self._kwargs, self._bounds = user.residual, user.args, user.kwargs, user.bounds
        self._name = user.name
        self._jac, self._scheme = chosen(user.jac)
        self._m: int | None = None
        self._precision: Any = None


class Residuals(Functions):
    """The user's functions at points that they cannot change.

    Raises:
        TypeError, ValueError: what a function returned has another shape or is no array of real numbers.
    """

    def __init__(self, user: User) -> None:
        super().__init__(user)
        #: Calls at most, when there is a choice.
        self.budget = math.inf
        #: The parameters whose bounds differ, or None for all.
        self._free = (
            None
            if user.bounds is None or (user.bounds[0] < user.bounds[1]).all()
            else np.flatnonzero(user.bounds[0] < user.bounds[1])
        )
        #: Whether differences are simple ones, of which there are better ones.
        self.is_rough = user.jac is None
        self._steps, self._each, self._sparsity = user.steps, user.each, user.sparsity
        self._exact = user.exact
        #: Whether differences move one parameter after the other.
        self._is_plain = self._free is None and user.each is None and user.sparsity is None
        #: Whether the Jacobian that the user returned last is sparse, or an operator.
        self.is_sparse = user.sparsity is not None
        self._largest: Array = np.zeros(())
        self._sizes: Array | None = None
        self._unknown: Array | None = None
        #: Of the residuals, once they are known to be doubles.
        self._shape: tuple[int, ...] | None = None
        self._at = with_arguments(user.residual, user.args, user.kwargs)
        self.nfev = self.njev = 0

    def __call__(self, x: Array) -> Array:
        self.nfev += 1
        x.flags.writeable = False
        returned = self._at(x)
        if type(returned) is np.ndarray and returned.shape == self._shape and returned.dtype == np.float64:
            return returned.copy()
        return self._checked(returned)

    def cost_of_jacobian(self, n: int) -> int:
        """How many residuals a Jacobian takes."""
        return cost(self._scheme, self._varied(n)) if self._jac is None else 0

    def refine(self, n: int) -> bool:
        """Whether differences are central ones from now on: if the calls suffice."""
        self.is_rough = False
        finer = self.nfev + cost("3-point", self._varied(n)) <= self.budget
        if finer:
            self._scheme = "3-point"
        return finer

    def _varied(self, n: int) -> int:
        if self._sparsity is not None:
            return self._sparsity.count
        return n if self._free is None else self._free.size

    def jacobian(self, x: Array, f: Array, sizes: Array | None) -> Array:
        """The Jacobian at x, where the residuals are f.

        Args:
            sizes: what `typical_sizes` takes, or None where the last ones hold.
        """
        self.njev += 1
        if self._jac is not None:
            returned = self._jac(x, *self._args, **self._kwargs)
            self.is_sparse = is_sparse(returned)
            if self.is_sparse and self._exact:
                raise ValueError('tr_solver="exact" is for Jacobians that are not sparse; leave it out')
            found = dense(returned) if self.is_sparse else np.asarray(returned)
            if found.ndim == 1 and 1 in (f.size, x.size):
                found = found.reshape(f.size, -1)
            found = checked("jac", found, (f.size, x.size), np.float64)
            if self._free is not None:
                found[:, np.setdiff1d(np.arange(x.size), self._free)] = 0
            return found
        self._largest = np.maximum(self._largest, np.abs(x))
        if self.njev == 1:
            self._unknown = unknown_parts(x)
        if sizes is not None:
            self._sizes = sizes
        typical = typical_sizes(self._largest, self._sizes, self._unknown)
        with np.errstate(over="ignore", invalid="ignore"):
            if self._is_plain and self._scheme != "cs":
                found = self._by_core(x, f, typical)
            elif self._sparsity is not None:
                every = np.arange(x.size)
                found = self._sparsity.masked(self._differences(x, f, every, typical, self._bounds))
            elif self._free is None:
                found = self._differences(x, f, np.arange(x.size), typical, self._bounds)
            else:
                found = np.zeros((f.size, x.size))
                found[:, self._free] = self._differences(x, f, self._free, typical, self._bounds)
            if math.isfinite(found.sum()):
                return found
            finite: Array = np.isfinite(found).all(axis=0)  # type: ignore[assignment]
            return found if finite.all() else self._from_other_sides(x, f, typical, found, finite)

    def _by_core(self, x: Array, f: Array, typical: Array) -> Array:
        """The Jacobian where one parameter is moved after the other."""
        self.nfev += cost(self._scheme, x.size)
        lower, upper = self._bounds or (None, None)
        return residual_differences(
            self._at,
            self._checked,
            x,
            f,
            relative_step(self._scheme, x.dtype, self._precision),
            typical,
            None if self._steps is None else self._given_steps(x, typical),
            lower,
            upper,
            self._scheme == "3-point",
        ).T

    def _differences(self, x: Array, f: Array, columns: Array, typical: Array, bounds: Bounds) -> Array:
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
            groups=None if self._sparsity is None or few else self._sparsity.groups,
        ).T

    def _from_other_sides(self, x: Array, f: Array, typical: Array, found: Array, finite: Array) -> Array:
        """The Jacobian where differences left the domain of the residuals: those on one side, then on the other."""
        found, everywhere = found.copy(), np.full(x.size, np.inf)
        lower, upper = self._bounds or (-everywhere, everywhere)
        ahead = x >= 0
        for closed in (ahead, ~ahead):
            columns = np.flatnonzero(~finite)
            if not columns.size or self._scheme == "cs" or self.nfev + cost(self._scheme, columns.size) > self.budget:
                break
            room = np.where(closed, lower, x), np.where(closed, x, upper)
            with np.errstate(divide="ignore"):
                found[:, columns] = self._differences(x, f, columns, typical, room)
            finite = np.isfinite(found).all(axis=0)  # type: ignore[assignment]
        return found

    def _given_steps(self, x: Array, typical: Array) -> Array:
        """Of differences: the user's share of each parameter, or where that is 0 what is usual."""
        own = np.where(x < 0, -1.0, 1.0) * self._steps * np.abs(x)
        return np.where((x + own) - x == 0, step_sizes(x, self._scheme, typical, self._precision), own)

    def _checked(self, returned: Any) -> Array:
        if isinstance(returned, float | int | np.number) or (isinstance(returned, np.ndarray) and not returned.ndim):
            returned = np.atleast_1d(returned)
        f = checked(self._name, returned, (self._m,), np.float64)
        if self._m is None:
            if not f.size:
                raise ValueError(f"{self._name} must return at least one number, got an array of shape (0,)")
            self._m, self._shape = f.size, f.shape
            self._precision = precision_of(returned)
        return f

    def _complex(self, x: Array) -> Array:
        """At a point with an imaginary part."""
        self.nfev += 1
        returned = np.atleast_1d(self._residual(x, *self._args, **self._kwargs))
        if returned.dtype.kind != "c" or returned.shape != (self._m,):
            raise TypeError(
                f'jac="cs" needs {self._name} to be complex, of shape ({self._m},), where x is complex; it returned '
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


def with_arguments(
    residual: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> Callable[[Array], Any]:
    """The residuals of x alone."""
    return (lambda x: residual(x, *args, **kwargs)) if args or kwargs else residual


def called(residual: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], x: Array) -> Any:
    """What another process can do as well."""
    return residual(x, *args, **kwargs)


def unknown_parts(x: Array) -> Array | None:
    """The part of the length of x that each parameter counts as whose start is 0, or None if there is none."""
    return None if x.all() else LEAST_PART * (x == 0)


def typical_sizes(largest: Array, sizes: Array | None, unknown: Array | None) -> Array:
    """What the steps of differences are small beside: the largest |x| so far.

    A start of 0 says nothing of a parameter's size, and if the parameter then happens to be next to 0 among others that
    are not, its steps would drown in the rounding of f. So it counts as a small part of the length of x, in its units.

    Args:
        sizes: the length of the scaled x along each parameter, |D x| / D, or None if D is not known.
        unknown: of the start, what `unknown_parts` says.
    """
    if sizes is not None and unknown is not None:
        largest = np.maximum(largest, unknown * sizes)
    return largest if largest.all() else np.where(largest > 0, largest, 1.0)


def chosen(jac: Jacobian) -> tuple[Callable[..., Any] | None, Scheme]:
    """The function, if jac is one, and the scheme of differences for want of one."""
    if callable(jac):
        return jac, "2-point"
    if jac is None:
        return None, "2-point"
    if isinstance(jac, str) and jac in SCHEMES:
        return None, jac
    raise ValueError(f"jac must be a function, None, {' or '.join(map(repr, SCHEMES))}, got {jac!r}")
