"""What are the derivatives of a function that comes without them? Differences, of values or of gradients.

Nothing is counted here: the functions that are passed count their own calls, and `cost` says how many there will be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, Literal, NamedTuple

import numpy as np

from onepass.arrays import Array

Scheme = Literal["2-point", "3-point", "cs"]
#: By the name of a scheme, the power of the machine epsilon that balances its truncation with rounding, and its calls
#: per coordinate. A complex step has no rounding to balance: this one's truncation is below the machine epsilon.
SCHEMES: dict[Scheme, tuple[float, int]] = {"2-point": (1 / 2, 1), "3-point": (1 / 3, 2), "cs": (1 / 2, 1)}
#: A map: the values of a function at points, in their order.
Map = Callable[[Callable[[Array], Any], Iterable[Array]], Iterable[Any]]


class Pattern(NamedTuple):
    """Where derivatives are not 0, and which coordinates are moved at once for them (Curtis, Powell and Reid 1974).

    Attributes:
        rows, columns: of each place, the number of the component of f and that of the coordinate.
        groups: for each coordinate the number of its group: no component of f depends on two of a group.
    """

    rows: Array
    columns: Array
    groups: Array


def cost(scheme: Scheme, size: int) -> int:
    """How often a function of so many coordinates is called for its first derivatives."""
    return SCHEMES[scheme][1] * size


def step_sizes(x: Array, scheme: Scheme, typical: Array | float, precision: Any) -> Array:
    """eps^p max(|x|, typical), of the sign of x, such that x + h - x is h.

    Args:
        typical: the size below which |x| counts as small, of each coordinate or of all.
        precision: the dtype in which the function is computed, which decides eps.
    """
    h = np.copysign(relative_step(scheme, x.dtype, np.dtype(precision)) * np.maximum(np.abs(x), typical), x)
    exact: Array = (x + h.astype(x.dtype, copy=False)) - x
    return exact


@lru_cache
def relative_step(scheme: Scheme, *dtypes: np.dtype[Any]) -> float:
    """eps^p, eps being that of the least precise dtype."""
    power, _ = SCHEMES[scheme]
    return float(max(np.finfo(dtype).eps for dtype in dtypes) ** power)


def precision_of(returned: Any) -> Any:
    """The floating dtype in which a function computed what it returned, which decides the steps of differences."""
    dtype = np.asarray(returned).dtype
    return dtype if dtype.kind == "f" and dtype.itemsize < 8 else np.dtype(np.float64)


def differences(
    f: Callable[[Array], Any],
    x: Array,
    at_x: Any,
    scheme: Scheme = "2-point",
    *,
    typical: Array | float = 1.0,
    bounds: tuple[Array, Array] | None = None,
    precision: Any = None,
    steps: Array | None = None,
    each: Map = map,
    pattern: Pattern | None = None,
) -> Array:
    r"""The derivatives of f in each coordinate, by one difference ("2-point") or to second order ("3-point").

    With offsets a and b the latter is :math:`(\frac ba f(a) - \frac ab f(b)) / (b - a) - \frac{a + b}{ab} f(0)`, a
    central difference where b = -a. By a complex step ("cs"), of an analytic f, they are :math:`\Im f(x + ih) / h`
    (Squire and Trapp 1998, SIAM Review 40).

    Args:
        f: given an array of x's shape, which it may keep, its value, which is copied before the next call: of shape (),
            (m,), or (k, m) where x is (k, n).
        x: shape (n,), or (k, n) for k points at once.
        at_x: f(x).
        typical: as in `step_sizes`.
        bounds: the lower and the upper bound, within which f is called. Where a coordinate has no room, steps go the
            other way.
        precision: dtype in which f is computed, if not that of x.
        steps: the steps, in place of `step_sizes`.
        each: in place of map, which calls f at one point after the other.
        pattern: where f(x), of shape (m,), depends on x, of shape (n,).

    Returns:
        A first axis for the coordinates, and the shape of f(x); or, with a pattern, a number for each of its places.
    """
    h = step_sizes(x, scheme, typical, x.dtype if precision is None else precision) if steps is None else steps
    dtype = np.result_type(at_x)
    if scheme == "cs":
        parts = _values(f, x, 1j * h, at_x, np.result_type(dtype, np.complex64), each, pattern).imag
        along: Array = parts / _beside(h, parts, pattern)
        return along.astype(dtype, copy=False)
    if scheme == "2-point":
        if bounds is not None:
            h = within(x, h, *bounds)
        change = _values(f, x, h, at_x, dtype, each, pattern)
        change -= at_x if pattern is None else at_x[pattern.rows]
        change /= _beside(h, change, pattern)
        return change
    a, b = (h, -h) if bounds is None else _pair_within(x, h, *bounds)
    at_a = _values(f, x, a, at_x, dtype, each, pattern)
    at_b = _values(f, x, b, at_x, dtype, each, pattern)
    a, b = _beside(a, at_a, pattern), _beside(b, at_b, pattern)
    at_x = at_x if pattern is None else at_x[pattern.rows]
    found: Array = (b / a * at_a - a / b * at_b) / (b - a) - (a + b) / (a * b) * at_x
    return found


def directional_difference(
    f: Callable[[Array], Any],
    x: Array,
    at_x: Any,
    p: Array,
    precision: Any = None,
    bounds: tuple[Array, Array] | None = None,
) -> Any:
    """The derivative of f along p: a gradient's is the Hessian times p.

    It is (f(x + h p) - f(x)) / h with h = sqrt(eps) max(|x|, 1) / |p| in largest absolute values.

    Args:
        precision: dtype in which f is computed, if not that of x.
        bounds: the lower and the upper bound, within which f is called. What has no room ahead is moved the other way,
            in a call of its own; coordinates that they fix are not moved.
    """
    size = float(np.abs(p).max(initial=0.0))
    if size == 0:
        return np.zeros_like(at_x)
    relative = relative_step("2-point", x.dtype, x.dtype if precision is None else np.dtype(precision))
    h = x.dtype.type(relative * max(float(np.abs(x).max()), 1.0) / size)
    if bounds is None:
        return (f(x + h * p) - at_x) / h
    lower, upper = bounds
    movable = (p != 0) & (lower < upper)
    if not movable.any():
        return np.zeros_like(at_x)
    wider = np.maximum(upper - x, x - lower)
    h = min(h, (wider[movable] / np.abs(p[movable])).min())
    ahead = (lower <= x + h * p) & (x + h * p <= upper)
    found: Any = 0
    for side, way in ((movable & ahead, h), (movable & ~ahead, -h)):
        if side.any():
            found = found + (f(np.clip(x + way * np.where(side, p, 0), lower, upper)) - at_x) / way
    return found


def _values(
    f: Callable[[Array], Any], x: Array, offset: Array, at_x: Any, dtype: Any, each: Map, pattern: Pattern | None
) -> Array:
    """f at x with one coordinate, or its group, moved by its offset: for each coordinate, or place of the pattern."""

    kind = np.result_type(x, offset)
    groups = None if pattern is None else pattern.groups

    def moved(j: int) -> Array:
        point = x.astype(kind)
        if groups is None:
            point[..., j] += offset[..., j]
        else:
            point[..., groups == j] += offset[..., groups == j]
        return point

    size = x.shape[-1] if groups is None else int(groups.max()) + 1
    values = np.empty((size, *np.shape(at_x)), dtype)
    for j, value in zip(range(size), each(f, (moved(j) for j in range(size))), strict=True):
        values[j] = value
    return values if pattern is None else values[pattern.groups[pattern.columns], pattern.rows]


def _beside(offset: Array, values: Array, pattern: Pattern | None) -> Array:
    """The offsets with the coordinates first, and an axis for the components of f if it has any; or of each place."""
    if pattern is not None:
        return offset[pattern.columns]
    first = offset.T
    return first[..., None] if values.ndim > first.ndim else first


def within(x: Array, h: Array, lower: Array, upper: Array) -> Array:
    """Steps turned round where they leave the bounds, and shortened to the wider side where neither has room."""
    outside = (x + h > upper) | (x + h < lower)
    other = (x - h > upper) | (x - h < lower)
    wider = np.where(upper - x >= x - lower, upper - x, lower - x)
    return np.where(outside, np.where(other, wider, -h), h)


def _pair_within(x: Array, h: Array, lower: Array, upper: Array) -> tuple[Array, Array]:
    """Offsets on both sides of x or, where one has no room, both on the wider side."""
    above, below = upper - x, x - lower
    size = np.abs(h)
    inward = np.where(above >= below, 1.0, -1.0)
    near = np.minimum(size, np.maximum(above, below) / 2)
    central = (above >= size) & (below >= size)
    return np.where(central, h, inward * near), np.where(central, -h, 2 * inward * near)
