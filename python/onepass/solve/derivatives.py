"""What are the derivatives of a function that comes without them? Differences, of values or of gradients.

Nothing is counted here: the functions that are passed count their own calls, and `cost` says how many there will be.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from onepass.groups import Array

#: By the name of a scheme, the power of the machine epsilon that balances its truncation with rounding, and its calls
#: per coordinate.
SCHEMES = {"2-point": (1 / 2, 1), "3-point": (1 / 3, 2)}


def cost(scheme: str, size: int) -> int:
    """How often a function of so many coordinates is called for its first derivatives."""
    return SCHEMES[scheme][1] * size


def step_sizes(x: Array, scheme: str, typical: Array | float, precision: Any) -> Array:
    """eps^p max(|x|, typical), of the sign of x, such that x + h - x is h.

    Args:
        typical: the size below which |x| counts as small, of each coordinate or of all.
        precision: the dtype in which the function is computed, which decides eps.
    """
    power, _ = SCHEMES[scheme]
    eps = max(np.finfo(precision).eps, np.finfo(x.dtype).eps)
    h = np.copysign(x.dtype.type(eps**power) * np.maximum(np.abs(x), typical), x).astype(x.dtype, copy=False)
    exact: Array = (x + h) - x
    return exact


def differences(
    f: Callable[[Array], Any],
    x: Array,
    at_x: Any,
    scheme: str = "2-point",
    *,
    typical: Array | float = 1.0,
    bounds: tuple[Array, Array] | None = None,
    precision: Any = None,
) -> Array:
    r"""The derivatives of f in each coordinate, by one difference ("2-point") or to second order ("3-point").

    With offsets a and b the latter is :math:`(\frac ba f(a) - \frac ab f(b)) / (b - a) - \frac{a + b}{ab} f(0)`, a central
    difference where b = -a.

    Args:
        f: given an array of x's shape, which it may keep, its value: of shape (), (m,), or (k, m) for x of shape (k, n).
        x: shape (n,), or (k, n) for k points at once.
        at_x: f(x).
        typical: as in `step_sizes`.
        bounds: the lower and the upper bound, within which f is called. Where a coordinate has no room, steps go the other way.
        precision: dtype in which f is computed, if not that of x.

    Returns:
        The shape of f(x), and a last axis for the coordinates.
    """
    h = step_sizes(x, scheme, typical, x.dtype if precision is None else precision)
    columns = []
    if scheme == "2-point":
        if bounds is not None:
            h = _within(x, h, *bounds)
        for j in range(x.shape[-1]):
            columns.append((f(_moved(x, j, h)) - at_x) / _column(h, j, at_x))
    else:
        a, b = (h, -h) if bounds is None else _pair_within(x, h, *bounds)
        for j in range(x.shape[-1]):
            at_a, at_b = f(_moved(x, j, a)), f(_moved(x, j, b))
            a_j, b_j = (_column(offset, j, at_x) for offset in (a, b))
            columns.append((b_j / a_j * at_a - a_j / b_j * at_b) / (b_j - a_j) - (a_j + b_j) / (a_j * b_j) * at_x)
    return np.stack(columns, axis=-1)


def gradient_differences(f: Callable[[Array], float], x: Array, value: float, scheme: str, out: Array) -> None:
    """Writes the gradient of a function of one point, whose value at x is given, by differences of its values."""
    out[...] = differences(f, x, value, scheme)


def product_differences(gradient: Callable[[Array], Array], x: Array, at_x: Array, p: Array) -> Array:
    """The Hessian times p, (g(x + h p) - g(x)) / h with h = sqrt(eps) max(|x|, 1) / |p| in largest absolute values."""
    size = float(np.abs(p).max(initial=0.0))
    if size == 0:
        return np.zeros_like(p)
    h = x.dtype.type(np.sqrt(np.finfo(x.dtype).eps) * max(float(np.abs(x).max()), 1.0) / size)
    product: Array = (gradient(x + h * p) - at_x) / h
    return product


def _column(steps: Array, j: int, at_x: Any) -> Array:
    """The steps of coordinate j, to divide the values of one point or of several by."""
    column: Array = steps[..., j, None] if np.ndim(at_x) > 1 else steps[..., j]
    return column


def _moved(x: Array, j: int, offset: Array) -> Array:
    moved = x.copy()
    moved[..., j] += offset[..., j]
    return moved


def _within(x: Array, h: Array, lower: Array, upper: Array) -> Array:
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
