"""Are the arguments of `minimize` what they should be? Start, bounds, steps of differences, a first matrix."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from onepass.arrays import Array
from onepass.solve.callbacks import refuse_masked
from onepass.solve.derivatives import Map
from onepass.solve.smooth.differenced import Steps, in_turn
from onepass.solve.smooth.methods import WITHOUT_BOUNDS, Name, Options
from onepass.solve.smooth.objective import FLOATS


def checked_start(x0: Any) -> Array:
    """The start as a contiguous vector of float32 or float64."""
    refuse_masked("x0", x0)
    start = np.atleast_1d(np.asarray(x0))
    if start.ndim != 1 or not start.size:
        raise ValueError(f"x0 must be a vector with at least one element, got the shape {np.shape(x0)}")
    if start.dtype.kind not in "fiub" or start.dtype.itemsize > 8:
        raise TypeError(f"x0 must be of float32, float64 or integers, got {start.dtype}")
    start = np.ascontiguousarray(start, start.dtype if start.dtype in FLOATS else np.float64)
    if not np.isfinite(start).all():
        raise ValueError("x0 must be finite")
    return start


def checked_bounds(bounds: Any, method: Name, x0: Array) -> tuple[Array, Array]:
    """The lower and the upper bounds as vectors of x0's dtype."""
    if method in WITHOUT_BOUNDS:
        raise ValueError(f"minimize: method {method!r} takes no bounds; all others do, such as 'lbfgs' and 'bfgs'")
    wanted = f"bounds must be {x0.size} pairs (lower, upper), or an object with lb and ub"
    if hasattr(bounds, "lb") and hasattr(bounds, "ub"):
        sides = [bounds.lb, bounds.ub]
    else:
        try:
            pairs = [(low, high) for low, high in bounds]
        except (TypeError, ValueError) as error:
            raise ValueError(f"{wanted}, got {bounds!r:.60}") from error
        if len(pairs) != x0.size:
            raise ValueError(f"{wanted}, got {len(pairs)} of them")
        sides = [
            [-math.inf if low is None else low for low, _ in pairs],
            [math.inf if high is None else high for _, high in pairs],
        ]
    lower, upper = (broadcast("bounds", side, x0) for side in sides)
    wrong = np.flatnonzero(~(lower <= upper))
    if wrong.size:
        j = wrong[0]
        raise ValueError(f"bounds[{j}] must be a lower and a larger upper bound, got {lower[j]} and {upper[j]}")
    return lower, upper


def checked_steps(options: Options, x0: Array, each: Map | None) -> Steps:
    """How differences are made, by this map if there is one."""
    for name, value in (("eps", options.eps), ("finite_diff_rel_step", options.finite_diff_rel_step)):
        if value is not None and not (np.abs(broadcast(name, value, x0)) > 0).all():
            raise ValueError(f"minimize: {name} must not be 0; leave it out for steps that suit")
    absolute, relative = (
        None if value is None else broadcast("eps", value, x0) for value in (options.eps, options.finite_diff_rel_step)
    )
    return Steps(absolute, relative, each or in_turn)


def checked_inverse(matrix: Any, x0: Array) -> Array:
    """A symmetric positive definite matrix of x0's dtype."""
    refuse_masked("hess_inv0", matrix)
    inverse = np.asarray(matrix)
    if inverse.dtype.kind not in "fiu" or inverse.shape != (x0.size, x0.size):
        raise ValueError(f"minimize: hess_inv0 must be numbers of the shape {(x0.size, x0.size)}, got {inverse.shape}")
    inverse = inverse.astype(x0.dtype)
    try:
        np.linalg.cholesky(inverse)
        symmetric = np.allclose(inverse, inverse.T, rtol=1e-5 if x0.dtype == np.float32 else 1e-12)
    except np.linalg.LinAlgError:
        symmetric = False
    if not symmetric:
        raise ValueError("minimize: hess_inv0 must be symmetric and positive definite")
    return inverse


def refuse_constraints(constraints: Any) -> None:
    """Raises ValueError if there is one."""
    if not (constraints is None or (hasattr(constraints, "__len__") and not len(constraints))):
        raise ValueError("minimize: no method takes constraints here; SciPy's SLSQP and trust-constr do")


def broadcast(name: str, value: Any, x0: Array) -> Array:
    """A number for each variable, from one each or one for all."""
    refuse_masked(name, value)
    numbers = np.asarray(value)
    if numbers.dtype.kind not in "fiub" or numbers.shape not in ((), (1,), x0.shape):
        raise ValueError(
            f"{name} must be a real number or {x0.size} of them, got {numbers.dtype} of the shape {numbers.shape}"
        )
    return np.broadcast_to(numbers.astype(x0.dtype), x0.shape)
