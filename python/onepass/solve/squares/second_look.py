"""Is where a method stopped a minimum? It looks again: with better differences, fresh scales, and larger steps."""

from __future__ import annotations

from copy import copy
from typing import Any

import numpy as np

from onepass.arrays import Array
from onepass.solve.result import Status
from onepass.solve.squares.fit import ROUNDING, Fit, Found, Run
from onepass.solve.squares.linear_model import EPS, norm
from onepass.solve.squares.model_steps import Model
from onepass.solve.squares.plateau import PROBED, Plateau
from onepass.solve.squares.point import Point, largest_cosine

#: A cosine of the residuals with a column of the Jacobian above this one is no sign of a minimum.
DOUBTFUL = 1e-6
#: Up to this one a method may end by short steps, if the model promises no more than this share of the cost.
ALMOST, LITTLE = 2e-5, 1e-2
#: A decrease of the cost by this share, and what ended the method before was no minimum.
FALLEN = 1e-6


def solved(fit: Fit, point: Point, run: Run) -> Found:
    """Where a method ends from the start, having looked again there."""
    start = point
    if fit.residuals.is_rough:
        found = run(fit.roughly(), point, 0)
        if is_end(found):
            central = fit.residuals.refine(start.x.size)
            found = confirmed(found, run(fit, found.point.without_jacobian() if central else found.point, found.nit))
    else:
        found = run(fit, point, 0)
    for _ in range(min(start.x.size, PROBED) + 1):
        found = with_fresh_scales(fit, found, run, start)
        if not is_end(found) or found.point.cost == 0:
            break
        found, better = probed(fit, found, start.x)
        if better is None:
            break
        if not fit.leaves(fit.residuals.per_jacobian):
            return found._replace(status=Status.MAX_EVALUATIONS)
        found = confirmed(found, run(fit, better, found.nit + 1))
    return found


def is_end(found: Found) -> bool:
    """Whether the method stopped of its own accord."""
    return found.status.success or found.status is Status.NO_DECREASE


def confirmed(before: Found, after: Found) -> Found:
    """After a success, a failure counts only where the cost still fell."""
    if after.status.success or after.status is Status.CALLBACK or not before.status.success:
        return before if after.status is Status.NONFINITE_START else after
    if after.point.cost < (1 - FALLEN) * before.point.cost:
        return after
    return (
        before if after.status in (Status.NONFINITE, Status.NONFINITE_START) else after._replace(status=before.status)
    )


def with_fresh_scales(fit: Fit, found: Found, run: Run, start: Point) -> Found:
    """Goes on where a column that was long once hides that the cost can be lower, or a parameter that was huge once.

    The steps of differences are those of its size then, and the derivatives may be wrong. The size at the start stays.
    """
    calls = fit.residuals.per_jacobian
    while is_end(found) and largest_cosine(found.point, fit.bounds) > DOUBTFUL:
        point, nit = found.point, found.nit
        if calls and fit.leaves(calls) and not is_settled(fit, found.point, start):
            fit.residuals.forget()
            fit.residuals.typical_sizes(start.x, None)
            point = point.without_jacobian()
        fit.scale.forget()
        fresh = run(fit, point, nit)
        found = found if fresh.status in (Status.NONFINITE, Status.NONFINITE_START) else confirmed(found, fresh)
        if found.nit == nit and largest_cosine(found.point, fit.bounds) > DOUBTFUL:
            status = unmoved(fit, found, start)
            # What no calls are left to look at is claimed only where the model does without.
            is_open = fresh.status is Status.MAX_EVALUATIONS and not status.success
            return found._replace(status=fresh.status if is_open else status)
    return found._replace(status=unmoved(fit, found, start)) if found.status is Status.NO_DECREASE else found


def unmoved(fit: Fit, found: Found, start: Point) -> Status:
    """Why nothing moves from a point whose residuals are not orthogonal to the Jacobian."""
    model = Model(found.point, fit.scale, fit.bounds)
    if is_rounding(fit, found.point, start, model):
        return found.status if found.status.success else Status.STEP
    # Steps that a region, a damping or a line search made short say nothing: the model's is short, or little is left.
    is_done = is_little(fit, found.point, model) or is_near(fit, found.point, start, model)
    return Status.STEP if is_done and found.status is Status.STEP and model.is_full_rank else Status.NO_DECREASE


def is_settled(fit: Fit, point: Point, start: Point) -> bool:
    """Whether better derivatives would change nothing: what is left is rounding, or little."""
    model = Model(point, fit.scale, fit.bounds)
    return is_rounding(fit, point, start, model) or is_little(fit, point, model)


def is_little(fit: Fit, point: Point, model: Model) -> bool:
    """Whether the residuals are almost orthogonal to the Jacobian, and the model promises little."""
    return largest_cosine(point, fit.bounds) <= ALMOST and model.promise() <= LITTLE * point.cost


def is_rounding(fit: Fit, point: Point, start: Point, model: Model) -> bool:
    """Whether what the model promises is no more than rounding, or the cost is."""
    # f is rounded at least as much as x is; a start far away may have had any cost.
    of_x = 0.5 * norm(point.norms * point.x) ** 2
    is_exact = point.cost <= ROUNDING**2 * min(start.cost, of_x) and is_near(fit, point, start, model)
    return is_exact or model.promise() <= ROUNDING * point.cost


def is_near(fit: Fit, point: Point, start: Point, model: Model) -> bool:
    """Whether the minimizer of the model is, as far as each parameter is concerned."""
    return bool((np.abs(model.to_minimizer()) <= reach(fit, point.x, start.x)).all())


def reach(fit: Fit, x: Array, start: Array) -> Array:
    """How far a parameter may be from the minimizer of the model for roundings to keep it there, each by its own size.

    That is what it is or was at the start; if it was 0 there, the length of all in its units, here or at the start.
    """
    scale = fit.scale
    of_all = np.where(start == 0, max(norm(scale.of(x)), norm(scale.of(start))) / scale.d, 0.0)
    sizes = np.maximum(np.maximum(np.abs(x), np.abs(start)), of_all)
    found: Array = max(fit.tolerances[1], EPS) ** (1 / 3) * sizes
    return found


def probed(fit: Fit, found: Found, start: Array) -> tuple[Found, Point | None]:
    """Where columns have vanished: a better point, if there is one, or what larger changes of the parameters say."""
    point = found.point
    is_stuck = found.status is Status.NO_DECREASE
    if not (point.has_vanished or is_stuck):
        return found, None
    plateau = Plateau(fit, point, start, is_stuck)
    if plateau.better is not None:
        fit.scale.forget()
        fit.scale.longest[:] = 0  # a column is not to look vanished beside what it was where the fit came from
        fit.residuals.forget()
        return found, plateau.better
    if not plateau.vanished.any():
        return found, None
    point.flat = plateau.flat
    if plateau.is_lowest and is_stationary_but_for(fit, point, plateau.flat):
        return found._replace(status=Status.FLAT), None
    if found.status is Status.NO_DECREASE and is_stationary_but_for(fit, point, plateau.vanished):
        found = found._replace(status=Status.STEP)
    return found._replace(status=Status.LOST_RANK) if plateau.flat and plateau.had_effect else found, None


def is_stationary_but_for(fit: Fit, point: Point, columns: Any) -> bool:
    """Whether the residuals are orthogonal to all other columns of the Jacobian."""
    rest = copy(point)
    rest.cosine, rest.gradient = None, point.gradient.copy()
    rest.gradient[columns] = 0.0
    return largest_cosine(rest, fit.bounds) <= DOUBTFUL
