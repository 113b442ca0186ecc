"""How far along a direction? To a point of the strong Wolfe conditions, by the search of Moré and Thuente's paper.

Line search algorithms with guaranteed sufficient decrease, ACM TOMS 20 (1994); sections, equations and cases are its.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

EPS = 2.0**-52
TRIALS = 20


class Point(NamedTuple):
    """A step length a, the value f and the slope g there."""

    a: float
    f: float
    g: float


def line_search(
    phi: Callable[[float], tuple[float, float]], value: float, slope: float, first: float, c1: float, c2: float
) -> float | None:
    """A step a with phi(a) <= phi(0) + c1 a phi'(0) and |phi'(a)| <= c2 |phi'(0)|; else the lowest trial, or None.

    Beyond the paper: where the function is not finite, the next trial is at a quarter of the way, and none comes nearer
    than half the way again; values that differ by rounding alone count as what the slopes make of them.
    """
    start = Point(0.0, value, slope)
    lower = upper = lowest = start  # the interval's ends, a_l and a_u
    bracketed, auxiliary = False, True
    width = older_width = wall = math.inf
    a = first
    for _ in range(TRIALS):
        trial = Point(a, *phi(a))
        if not (math.isfinite(trial.f) and math.isfinite(trial.g)):
            wall, a = a, lower.a + (a - lower.a) / 4
            if a == lower.a:
                break
            continue
        t = trial
        if abs(t.f - value) <= 10 * EPS * abs(value):
            t = t._replace(f=lower.f + (lower.g + t.g) / 2 * (a - lower.a))
        decreases = t.f <= value + c1 * a * slope
        if decreases and abs(t.g) <= -c2 * slope:
            return a
        if decreases and trial.f < lowest.f:
            lowest = trial
        auxiliary = auxiliary and not (decreases and t.g >= 0)

        # Section 3: while no step is low enough, of psi(a) = phi(a) - c1 a phi'(0) in place of phi.
        tilt = c1 * slope if auxiliary and not decreases and t.f <= lower.f else 0.0
        of_lower, of_upper, of_trial = (Point(p.a, p.f - p.a * tilt, p.g - tilt) for p in (lower, upper, t))
        a = trial_value(of_lower, of_upper, of_trial, bracketed)
        if of_trial.f > of_lower.f:
            upper, bracketed = t, True
        elif of_trial.g * of_lower.g < 0:
            lower, upper, bracketed = t, lower, True
        else:
            lower = t

        middle = (lower.a + upper.a) / 2
        if bracketed:
            if abs(upper.a - lower.a) >= 0.66 * older_width:
                a = middle
            older_width, width = width, abs(upper.a - lower.a)
            if width <= 4 * EPS * max(lower.a, upper.a):
                break
        if a >= wall > lower.a:
            a = (lower.a + wall) / 2
        if not 0 < a < math.inf or a == lower.a:
            a = middle
            if a in (lower.a, upper.a):
                break
    return None if lowest is start else lowest.a


def trial_value(lower: Point, upper: Point, t: Point, bracketed: bool) -> float:
    """The next step length: section 4."""
    # The paper's a_c, a_q and a_s: of the cubic, and of the parabolas by a value and by slopes alone.
    cubic = minimizer(lower, t)
    if t.f > lower.f:  # case 1
        parabola = lower.a + quotient(lower.g, 2 * (quotient(lower.f - t.f, t.a - lower.a) + lower.g)) * (t.a - lower.a)
        return cubic if abs(cubic - lower.a) < abs(parabola - lower.a) else (cubic + parabola) / 2
    secant = t.a + quotient(t.g, lower.g - t.g) * (t.a - lower.a)
    if t.g * lower.g < 0:  # case 2
        return cubic if abs(cubic - t.a) >= abs(secant - t.a) else secant
    if bracketed:
        nearest, farthest = sorted((lower.a, upper.a))
    else:
        nearest, farthest = t.a + 1.1 * (t.a - lower.a), t.a + 4 * (t.a - lower.a)
    if abs(t.g) <= abs(lower.g):  # case 3
        forwards = t.a > lower.a
        if not (cubic - t.a) * (t.a - lower.a) > 0:
            cubic = farthest if forwards else nearest
        nearer = abs(cubic - t.a) < abs(secant - t.a)
        if not bracketed:
            return min(max(secant if nearer else cubic, nearest), farthest)
        bound = t.a + 0.66 * (upper.a - t.a)
        return (min if forwards else max)(cubic if nearer else secant, bound)
    if bracketed:  # case 4
        return minimizer(t, upper)
    return farthest if t.a > lower.a else nearest


def minimizer(p: Point, q: Point) -> float:
    """Of the cubic with the values and slopes of both, or NaN (Nocedal and Wright 2006, eq. 3.59)."""
    d1 = p.g + q.g - 3 * quotient(p.f - q.f, p.a - q.a)
    d2 = math.copysign(math.sqrt(max(0.0, d1 * d1 - p.g * q.g)), q.a - p.a)
    return q.a - (q.a - p.a) * quotient(q.g + d2 - d1, q.g - p.g + 2 * d2) if d2 else math.nan


def quotient(a: float, b: float) -> float:
    return a / b if b else math.nan
