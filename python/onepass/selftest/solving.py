"""Which operations of the second-order methods are made? On long vectors, and fits of many curves at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from onepass.arrays import Array
from onepass.reference.kernels.levenberg_marquardt import inner
from onepass.selftest.case import Case
from onepass.selftest.inputs import numbers, uniform
from onepass.selftest.sides import Side

#: More multiplications in all than a thread takes by itself, here and in what follows.
SIZE = 70_003
#: Curves that are fitted at once.
FITS = 11


def solver_cases() -> Iterator[Case]:
    """Each operation in float32 and float64, and Levenberg-Marquardt with all that changes its way."""
    operations: tuple[Callable[[str, Side], Iterator[Any]], ...] = (
        _dots,
        _combine,
        _blend,
        _rank_two,
        _lbfgs,
        _lbfgs_bounds,
    )
    for operation in operations:
        for dtype in ("float32", "float64"):
            yield _case(operation.__name__[1:], dtype, "plain", partial(operation, dtype))
    for variant in ("plain", "bounds", "scaled", "geodesic"):
        yield _case("levenberg_marquardt", "float64", variant, partial(_fits, variant))


def _case(operation: str, dtype: str, how: str, work: Callable[[Side], Iterator[Any]]) -> Case:
    return Case(operation, dtype, how, lambda side: partial(work, side), is_shared=True)


def _vector(dtype: str, seed: int, size: int = SIZE) -> Array:
    return numbers(dtype, size, seed).copy()


def _dots(dtype: str, side: Side) -> Iterator[Any]:
    yield side.dots([_vector(dtype, seed) for seed in range(5)], _vector(dtype, 5))
    yield side.half_squares(np.stack([_vector("float64", seed, 4097) for seed in range(17)]))


def _combine(dtype: str, side: Side) -> Iterator[Any]:
    out = _vector(dtype, 0)
    side.combine(out, -0.3, _vector(dtype, 1), [0.1, -3.0, 7.0], [_vector(dtype, seed) for seed in (2, 3, 4)])
    yield out


def _blend(dtype: str, side: Side) -> Iterator[Any]:
    y = _vector(dtype, 0)
    yield side.blend(y, 0.3, -2.1, _vector(dtype, 1), _vector(dtype, 2))
    yield y


def _rank_two(dtype: str, side: Side) -> Iterator[Any]:
    size = 203
    root = _vector(dtype, 0, size * size).reshape(size, size)
    h, out = root + root.T, np.empty(size, dtype)
    side.rank_two(h, *(_vector(dtype, seed, size) for seed in (1, 2, 3)), out)
    yield h
    yield out


def _lbfgs(dtype: str, side: Side) -> Iterator[Any]:
    """With a pair to enter, and without; the matrices as `direction` in reference/kernels/lbfgs.py wants them."""
    count, room, newest = 3, 5, 1
    ds, ys = ([_vector(dtype, seed) for seed in seeds] for seeds in (range(count), range(count, 2 * count)))
    middle = uniform((2 * room + 3) * room, 9).reshape(-1, room) - 0.5
    middle[newest] = 0
    middle[newest, newest] = 0.7
    middle[:count, newest] = np.where(np.arange(count) == newest, 0.7, 0)
    changes = middle[room : room + count, :count]
    changes[...] = changes + changes.T
    for entered in (newest, -1):
        out = np.empty(SIZE, dtype)
        yield side.lbfgs_direction(out, _vector(dtype, 7), ds, ys, middle, 0.3, entered)
        yield out
        yield middle.copy()


def _lbfgs_bounds(dtype: str, side: Side) -> Iterator[Any]:
    """Without pairs and with two; every 500th variable has bounds, near and far."""
    x, g, ss = (_vector(dtype, 1), _vector(dtype, 2), [_vector(dtype, seed) for seed in (3, 4)])
    ys = [np.abs(_vector(dtype, 5)) * s for s in ss]
    lower, upper = np.full_like(x, -np.inf), np.full_like(x, np.inf)
    lower[::500] = x[::500] - np.abs(g[::500]) * np.linspace(0, 3, len(x[::500])).astype(dtype)
    upper[1::500] = x[1::500]
    for pairs in (0, 2):
        rows = [*ys[:pairs], *ss[:pairs]]
        products = np.array([side.dots(rows, row) for row in rows]).reshape(2 * pairs, 2 * pairs)
        out, d = np.empty_like(x), np.empty_like(x)
        yield from side.lbfgs_bounded_step(out, d, x, g, lower, upper, ys[:pairs], ss[:pairs], products, 0.3) or (0.0,)
        yield out
        yield d


class _Curves:
    """Curves a / (1 + b t) + c q(t) through random points: divisions and sums, which no libm decides over."""

    size = 3

    def __init__(self, points: int = 2001) -> None:
        self.t = np.arange(points) / 512.0
        self.basis = uniform(points, 1) - 0.5
        self.y = uniform(FITS * points, 2).reshape(FITS, points)

    def at(self, row: int, x: Array) -> tuple[float, Array, Array]:
        """Cost, residuals and Jacobian."""
        a, b, c = x
        fall = 1 / (1 + abs(b) * self.t)
        f = a * fall + c * self.basis - self.y[row]
        sign = 1.0 if b >= 0 else -1.0
        jacobian = np.stack([fall, -sign * a * self.t * fall * fall, self.basis], axis=1)
        if row == FITS - 1:
            jacobian[:, 2] = 0  # singular
        return 0.5 * inner(f, f), f, jacobian


def _fits(variant: str, side: Side) -> Iterator[Any]:
    """Every trial, verdict and step; some trials are said to have failed."""
    curves = _Curves()
    x0 = uniform(FITS * curves.size, 3).reshape(FITS, curves.size) + 0.5
    bounds = (np.full(curves.size, 0.2), np.full(curves.size, 1.4)) if variant == "bounds" else (None, None)
    if variant == "bounds":
        x0 = np.clip(x0, 0.2, 1.4)
    d = np.array([0.5, 1.5, 3.0]) if variant == "scaled" else None
    values = [curves.at(row, x) for row, x in enumerate(x0)]
    problems = side.levenberg_marquardt(x0, np.array([cost for cost, _, _ in values]), *bounds, d, 1e-15, 1e-10, 1e-10)
    rows = np.arange(FITS)
    stops = problems.differentiate(rows, *_stacked(values))
    for turn in range(5):
        yield stops
        rows = rows[stops == 0]
        if turn == 1:
            problems.trust(rows)
        trials = problems.propose(rows)
        yield trials
        if variant == "geodesic":
            trials = problems.accelerate(rows, uniform(trials.size, turn).reshape(trials.shape) - 0.5)
            yield trials
        yield problems.steps(rows)
        values = [curves.at(row, x) for row, x in zip(rows, trials, strict=True)]
        costs = np.array([cost for cost, _, _ in values])
        costs[turn::5] *= 3
        taken, stops = problems.judge(rows, costs)
        yield taken
        moved = np.flatnonzero(taken & (stops == 0))
        if moved.size:
            stops[moved] = problems.differentiate(rows[moved], *_stacked([values[index] for index in moved]))


def _stacked(values: list[tuple[float, Array, Array]]) -> tuple[Array, Array]:
    return np.stack([f for _, f, _ in values]), np.stack([jacobian for _, _, jacobian in values])
