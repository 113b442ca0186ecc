"""What is known of the Hessian? What the user's function, product or update tells, or differences of gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from onepass.arrays import Array
from onepass.solve.callbacks import fill
from onepass.solve.derivatives import SCHEMES, Scheme, differences, directional_difference
from onepass.solve.result import Status
from onepass.solve.smooth.objective import Objective

Product = Callable[[Array], Array]


class Curvature:
    """The Hessian at a point, as a matrix or as a product.

    Args:
        objective: whose gradients are differenced where nothing else is known.
        hess: a function that returns the Hessian at x: an array, or what multiplies with one by ``@``, as a sparse
            matrix or an operator of SciPy's; a scheme of differences; an object that is updated by steps and changes of
            the gradient, as SciPy's BFGS and SR1; or None.
        hessp: the Hessian at x times p, given x and p, or None.
        bounds: which differences keep within, or None.
    """

    def __init__(
        self,
        objective: Objective,
        hess: Any,
        hessp: Callable[..., Any] | None,
        args: tuple[Any, ...],
        bounds: tuple[Array, Array] | None,
    ) -> None:
        self._objective, self._hess, self._hessp, self._args, self._bounds = objective, hess, hessp, args, bounds
        self._last: tuple[Array, Array] | None = None
        self.nhev = 0
        is_scheme = isinstance(hess, str) and hess in SCHEMES
        if not (hess is None or callable(hess) or is_scheme or updates(hess)):
            raise ValueError(
                f"hess must be a function, one of {', '.join(SCHEMES)}, an object with initialize, update, dot and"
                f" get_matrix, or None, got {hess!r}"
            )

    def matrix(self, x: Array, g: Array) -> Array:
        """The Hessian at x, where the gradient is g."""
        out = np.empty((x.size, x.size), x.dtype)
        if callable(self._hess):
            found = self._returned(x)
            fill(out, found if isinstance(found, np.ndarray) else found @ np.eye(x.size), "what hess returns")
        elif updates(self._hess):
            self._updated(x, g)
            fill(out, self._hess.get_matrix(), "the matrix of hess")
        else:
            self._difference(x, g, self._hess or "2-point", out)
        return out

    def _difference(self, x: Array, g: Array, scheme: Scheme, out: Array) -> None:
        """Differences of gradients; zeros for variables that bounds fix, which are not moved."""
        if self._bounds is None:
            rows = differences(self._objective.gradient_at, x, g.copy(), scheme)
            out[...] = 0.5 * (rows + rows.T)
            return
        movable = self._bounds[0] < self._bounds[1]
        lower, upper = (side[movable] for side in self._bounds)

        def gradient(moved: Array) -> Array:
            point = x.astype(moved.dtype)
            point[movable] = moved
            return self._objective.gradient_at(point)[movable]

        out[...] = 0
        if movable.any():
            rows = differences(gradient, x[movable], g[movable], scheme, bounds=(lower, upper))
            out[np.ix_(movable, movable)] = 0.5 * (rows + rows.T)

    def product(self, x: Array, g: Array) -> Product:
        """What multiplies with the Hessian at x, where the gradient is g."""
        if self._hessp is not None:
            return lambda p: self._by_hessp(x, p)
        if callable(self._hess):
            found = self._returned(x)
            if isinstance(found, np.ndarray):
                out = np.empty((x.size, x.size), x.dtype)
                fill(out, found, "what hess returns")
                return out.__matmul__
            return lambda p: np.asarray(found @ p, x.dtype)
        if updates(self._hess):
            self._updated(x, g)
            return lambda p: np.asarray(self._hess.dot(p), x.dtype)
        if self._hess is not None:
            return self.matrix(x, g).__matmul__
        at_x = g.copy()
        return lambda p: directional_difference(self._objective.gradient_at, x, at_x, p, bounds=self._bounds)

    def verdict(self, x: Array, g: Array) -> Status:
        """Which kind of point it is, where the gradient is zero."""
        movable, inside = np.ones(x.size, bool), True
        if self._bounds is not None:
            lower, upper = self._bounds
            movable = lower < upper
            inside = not (movable & ((x == lower) | (x == upper))).any()
        if not movable.any():
            return Status.GRADIENT
        if not callable(self._hess):
            return Status.STATIONARY
        h = self.matrix(x, g)[np.ix_(movable, movable)]
        if not np.isfinite(h).all():
            return Status.STATIONARY
        eigenvalues = np.linalg.eigvalsh(h)
        rounding = x.size * np.finfo(x.dtype).eps * np.abs(eigenvalues).max()
        if eigenvalues[0] > rounding:
            return Status.GRADIENT
        # Out of a bound a way down may not be open.
        return Status.SADDLE if eigenvalues[0] < -rounding and inside else Status.STATIONARY

    def _returned(self, x: Array) -> Any:
        """What hess returns: an array, or an operator of the right shape."""
        self.nhev += 1
        found = self._hess(x.copy(), *self._args)
        if isinstance(found, np.ndarray):
            return found
        if not hasattr(found, "__matmul__"):
            return np.asarray(found)
        if found.shape != (x.size, x.size):
            raise ValueError(f"what hess returns must have the shape {(x.size, x.size)}, got {found.shape}")
        return found

    def _updated(self, x: Array, g: Array) -> None:
        if self._last is None:
            self._hess.initialize(x.size, "hess")
        elif (x != self._last[0]).any() and (g != self._last[1]).any():
            self._hess.update(x - self._last[0], g - self._last[1])
        self._last = x.copy(), g.copy()

    def _by_hessp(self, x: Array, p: Array) -> Array:
        self.nhev += 1
        out = np.empty_like(p)
        fill(out, self._hessp(x.copy(), p.copy(), *self._args), "what hessp returns")  # type: ignore[misc]
        return out


def updates(hess: Any) -> bool:
    """Whether it is updated by steps and changes of the gradient."""
    return all(hasattr(hess, name) for name in ("initialize", "update", "dot", "get_matrix"))
