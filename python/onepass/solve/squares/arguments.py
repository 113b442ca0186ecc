"""What do the arguments of least squares mean? Starts, bounds, names of methods, and SciPy's words for what is here."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from onepass._core import is_finite
from onepass.arrays import Array
from onepass.checks import Check, Integer, Real
from onepass.solve.squares.iterative_model import MODEL_STOPPING
from onepass.solve.squares.residuals import Solver
from onepass.solve.squares.settings import Method

#: No bounds.
UNBOUNDED = (-np.inf, np.inf)
#: SciPy's methods, by what does their work here.
ALIASES: dict[str, Method] = {"trf": "lm", "dogbox": "dogleg"}
#: What SciPy's `tr_options` may hold.
SOLVER_OPTIONS = ("regularize", "atol", "btol", "conlim", "damp", "maxiter", "show", "x0")
#: Those of them that change something here, and what they may be beside None.
CHECKED_OPTIONS: dict[str, Check] = {
    "atol": Real(0, 1),
    "btol": Real(0, 1),
    "conlim": Real(0, math.inf, includes_high=True),
    "maxiter": Integer(1),
}


def start(x0: Any, axes: Sequence[str]) -> Array:
    """A copy of the start in double precision, with axes of these names; one problem may be without parameters."""
    x = np.asarray(x0)
    x = x if x.ndim else x.reshape(1)
    if x.dtype.kind not in "fiu" or x.dtype.itemsize > 8:
        kind = ValueError if x.dtype.kind == "c" else TypeError  # as SciPy has it
        raise kind(f"x0 must be an array of real numbers, at most float64, got dtype {x.dtype}")
    if x.ndim != len(axes) or (len(axes) > 1 and not x.size):
        shape = (
            f"({axes[0]},)"
            if len(axes) == 1
            else f"({', '.join(axes)}) with {' and '.join(f'{axis} > 0' for axis in axes)}"
        )
        raise ValueError(f"x0 must have the shape {shape}, got {x.shape}")
    x = x.astype(np.float64)
    if not is_finite(x):
        raise ValueError("x0 must be finite")
    return x


def sides(bounds: Any, n: int, problems: int | None = None) -> tuple[Array, Array]:
    """The lower and the upper bound of each of n parameters, from a pair or from an object with lb and ub.

    Of so many problems each may have its own: then both are of the shape (problems, n).
    """
    if isinstance(bounds, str):
        raise ValueError(f"bounds comes before method, as in SciPy: pass method={bounds!r} by its name")
    pair = (bounds.lb, bounds.ub) if hasattr(bounds, "lb") and hasattr(bounds, "ub") else bounds
    own = (problems, n)
    shape = f"({n},)" if problems is None else f"({n},) or {own}"
    try:
        lower, upper = (np.asarray(side, np.float64) for side in pair)
    except (TypeError, ValueError) as error:
        raise ValueError(f"bounds must be a pair, lower and upper, of numbers or of arrays of shape {shape}") from error
    for name, side in (("lower", lower), ("upper", upper)):
        if side.shape not in ((), (n,), own) and not (hasattr(bounds, "lb") and side.shape == (1,)):
            raise ValueError(f"bounds must be a pair of numbers or of arrays of shape {shape}; {name} is {side.shape}")
    wanted: Any = own if lower.shape == own or upper.shape == own else n
    return np.broadcast_to(lower, wanted), np.broadcast_to(upper, wanted)


def sides_at(limits: tuple[Array, Array], index: Array | int) -> tuple[Array, Array]:
    """The bounds of problems of these numbers."""
    lower, upper = limits
    return limits if lower.ndim == 1 else (lower[index], upper[index])


def checked_bounds(bounds: Any, x: Array) -> tuple[Array, Array] | None:
    """The bounds of each parameter, or None if there are none; x, of shape (n,) or (problems, n), lies within."""
    if bounds is UNBOUNDED or bounds is None:
        return None
    lower, upper = sides(bounds, x.shape[-1], len(x) if x.ndim == 2 else None)
    if not (lower <= upper).all():
        raise ValueError("bounds: no lower bound may be above the upper one")
    if not ((x >= lower) & (x <= upper)).all():
        raise ValueError("x0 must lie within the bounds")
    return None if np.isinf(lower).all() and np.isinf(upper).all() else (lower, upper)


def spread(args: Any) -> Sequence[Any]:
    """What is passed on: a tuple or list one by one, anything else as it is."""
    return args if isinstance(args, tuple | list) else (args,)


def method_of(name: Any) -> Any:
    """The method of this name, which may be SciPy's."""
    return ALIASES.get(name, name) if isinstance(name, str) else name


def of_tolerances(ftol: float | None, xtol: float | None, gtol: float | None) -> tuple[float, float, float]:
    """The tolerances, None being 0."""
    if ftol is None and xtol is None and gtol is None:
        raise ValueError("at least one of ftol, xtol and gtol must be given: nothing else would end the method")
    return 0.0 if ftol is None else ftol, 0.0 if xtol is None else xtol, 0.0 if gtol is None else gtol


def solver(tr_solver: Any, tr_options: Mapping[str, Any] | None, x_scale: Any) -> Solver:
    """How linear problems are solved; raises unless SciPy would take these."""
    if tr_solver not in (None, "exact", "lsmr"):
        raise ValueError(f'tr_solver must be None, "exact" or "lsmr", got {tr_solver!r}')
    columns = isinstance(x_scale, str)
    if not tr_options:
        return Solver(tr_solver, MODEL_STOPPING, columns)
    if unknown := sorted(set(tr_options) - {*SOLVER_OPTIONS}):
        raise TypeError(f"tr_options has no {', '.join(map(repr, unknown))}; it has {', '.join(SOLVER_OPTIONS)}")
    given = {
        name: None if tr_options[name] is None else check.check("tr_options", name, tr_options[name])
        for name, check in CHECKED_OPTIONS.items()
        if name in tr_options
    }
    stopping = MODEL_STOPPING._replace(steps=given.get("maxiter"))
    if "atol" in given or "btol" in given:
        stopping = stopping._replace(atol=given.get("atol") or 0.0, btol=given.get("btol") or 0.0, reduction=0.0)
    if "conlim" in given:
        stopping = stopping._replace(conlim=given["conlim"] or math.inf)
    return Solver(tr_solver, stopping, columns)


def relative_steps(diff_step: Any, n: int) -> Array | None:
    """diff_step for each parameter."""
    if diff_step is None:
        return None
    steps = np.asarray(diff_step)
    if steps.dtype.kind not in "fiu" or steps.shape not in ((), (n,)) or not (np.isfinite(steps) & (steps > 0)).all():
        raise ValueError(f"diff_step must be above 0, a number or an array of shape ({n},), got {diff_step!r}")
    return np.broadcast_to(steps.astype(np.float64), n)
