"""Which x makes |A x - b|^2 + damping^2 |x|^2 least, if A only multiplies vectors? LSMR, on the vector kernels.

Fong and Saunders 2011, SIAM J. Sci. Comput. 33(5): Golub and Kahan's bidiagonalization, and by it MINRES of the normal
equations. Of the system's residual r both |r| and |A^T r| fall from step to step, and A^T A is never formed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import Enum
from typing import NamedTuple

import numpy as np

from onepass.arrays import Array
from onepass.solve.kernels import blend, combine, dots

#: The machine epsilon.
EPS = float(np.finfo(np.float64).eps)


class Stop(Enum):
    """Why it stopped."""

    ZERO = "x = 0 is the solution"
    COMPATIBLE = "A x is b within atol and btol"
    LEAST_SQUARES = "A^T r is zero within atol"
    REDUCED = "A^T r has been reduced enough"
    CONDITION = "the condition of A is above conlim"
    STEPS = "the steps are spent"
    NONFINITE = "a product with A is not finite; x is the last one before"


class Stopping(NamedTuple):
    """When it stops, in the paper's terms; |A| and the condition are the estimates of the bidiagonalization.

    Attributes:
        atol, btol: relative errors of A and b. It stops where |A^T r| is at most atol |A| |r|, or |r| at most
            btol |b| + atol |A| |x|.
        conlim: the largest condition of A.
        reduction: it stops where |A^T r| is at most this share of |A^T b|.
        steps: at most; None for the smaller side of A, and for roundings at least 100.
    """

    atol: float = 1e-6
    btol: float = 1e-6
    conlim: float = 1e8
    reduction: float = 0.0
    steps: int | None = None


class Solution(NamedTuple):
    """Where it stopped, and what it knows there.

    Attributes:
        x: the solution; with b = 0, or where A does not depend on x, it is 0, and of many it is the shortest.
        residual: |r| of the damped system, whose rows are those of A and the damping's.
        slope: |A^T r| of it.
        norm, condition: of the damped A, estimates.
    """

    x: Array
    stop: Stop
    steps: int
    residual: float
    slope: float
    norm: float
    condition: float


def lsmr(
    product: Callable[[Array], Array],
    transposed: Callable[[Array], Array],
    b: Array,
    damping: float = 0.0,
    stopping: Stopping = Stopping(),  # noqa: B008 it cannot be changed
) -> Solution:
    """Solves the damped least-squares problem.

    Args:
        product, transposed: A times a vector and A^T times one: contiguous arrays of float64, which they may keep no
            longer than until they are called again.
        b: shape (m,), float64, contiguous, finite.
        damping: the weight of |x|.
    """
    size = float(np.abs(b).max(initial=0.0))
    u = b / size if size > 0 else b.copy()  # squares of it neither overflow nor vanish
    beta = math.sqrt(dots([u], u)[0])
    v = transposed(u).copy()
    alpha = math.sqrt(dots([v], v)[0]) / beta if beta > 0 else 0.0
    x = np.zeros_like(v)
    if not alpha > 0:
        stop = Stop.ZERO if alpha == 0 else Stop.NONFINITE
        return Solution(x, stop, 0, size * beta, 0.0 if alpha == 0 else math.nan, 0.0, 0.0)

    # u and v are kept as multiples of the paper's, of the lengths beta and alpha: a step makes one pass over each.
    combine(v, 1 / beta, v, [], [])
    h = np.empty_like(v)
    combine(h, 1 / alpha, v, [], [])
    h_bar = np.zeros_like(v)
    of_b, of_slope = beta, alpha * beta
    alpha_bar, zeta_bar = alpha, alpha * beta
    rho, rho_bar, c_bar, s_bar = 1.0, 1.0, 1.0, 0.0
    estimate = Residual(beta)
    squares, longest, shortest = alpha * alpha, 0.0, math.inf
    most = max(min(b.size, v.size), 100) if stopping.steps is None else stopping.steps
    steps, stop, slope, residual = 0, Stop.STEPS, of_slope, of_b
    norm, condition = alpha, 1.0
    while steps < most:
        # The bidiagonalization.
        beta_next = math.sqrt(blend(u, -alpha / beta, 1 / alpha, product(v), u))
        alpha_next = 0.0
        if beta_next > 0:
            alpha_next = math.sqrt(blend(v, -beta_next / alpha, 1 / beta_next, transposed(u), v))
        if not math.isfinite(beta_next + alpha_next):
            stop = Stop.NONFINITE
            break
        alpha, beta = alpha_next, beta_next
        steps += 1
        squares += beta * beta + damping * damping

        # The damping's rotation, that of the lower bidiagonal, and that of the upper one.
        c_hat, s_hat, alpha_hat = rotation(alpha_bar, damping)
        rho_old, rho_bar_old = rho, rho_bar
        c, s, rho = rotation(alpha_hat, beta)
        theta, alpha_bar = s * alpha, c * alpha
        theta_bar, of_diagonal = s_bar * rho, c_bar * rho
        c_bar, s_bar, rho_bar = rotation(of_diagonal, theta)
        zeta, zeta_bar = c_bar * zeta_bar, -s_bar * zeta_bar

        # The solution; the last product is its square.
        blend(h_bar, -theta_bar * rho / (rho_old * rho_bar_old), 1.0, h, h_bar)
        length = math.sqrt(blend(x, 1.0, zeta / (rho * rho_bar), h_bar, x))
        if alpha > 0:
            blend(h, -theta / rho, 1 / alpha, v, h)

        # What is known of it.
        residual = estimate.after(c_hat, s_hat, c, s, theta_bar, rho_bar, zeta)
        slope, norm = abs(zeta_bar), math.sqrt(squares)
        squares += alpha * alpha
        if steps > 1:
            longest, shortest = max(longest, rho_bar_old), min(shortest, rho_bar_old)
        condition = max(longest, of_diagonal) / max(min(shortest, of_diagonal), EPS**2)
        if residual <= stopping.btol * of_b + stopping.atol * norm * length:
            stop = Stop.COMPATIBLE
        elif slope <= max(stopping.atol, EPS) * norm * residual:
            stop = Stop.LEAST_SQUARES
        elif slope <= stopping.reduction * of_slope:
            stop = Stop.REDUCED
        elif condition >= min(stopping.conlim, 1 / EPS):
            stop = Stop.CONDITION
        else:
            continue
        break
    combine(x, size, x, [], [])
    return Solution(x, stop, steps, size * residual, size * slope, norm, condition)


def rotation(a: float, b: float) -> tuple[float, float, float]:
    """The cosine, the sine and the length with cosine * length = a and sine * length = b; none where both are 0."""
    length = math.hypot(a, b)
    return (a / length, b / length, length) if length > 0 else (1.0, 0.0, 0.0)


class Residual:
    """|r| from step to step, by a third rotation: the paper's section 5."""

    def __init__(self, of_b: float) -> None:
        self._beta_dd, self._beta_d, self._rho_d, self._tau = of_b, 0.0, 1.0, 0.0
        self._theta, self._zeta, self._squares = 0.0, 0.0, 0.0

    def after(
        self, c_hat: float, s_hat: float, c: float, s: float, theta_bar: float, rho_bar: float, zeta: float
    ) -> float:
        """After a step of these rotations."""
        acute, check = c_hat * self._beta_dd, -s_hat * self._beta_dd
        beta_hat, self._beta_dd = c * acute, -s * acute
        c_tilde, s_tilde, rho_tilde = rotation(self._rho_d, theta_bar)
        theta_old, self._theta = self._theta, s_tilde * rho_bar
        self._rho_d = c_tilde * rho_bar
        self._beta_d = -s_tilde * self._beta_d + c_tilde * beta_hat
        self._tau = (self._zeta - theta_old * self._tau) / rho_tilde if rho_tilde > 0 else 0.0
        self._zeta = zeta
        tau = (zeta - self._theta * self._tau) / self._rho_d if self._rho_d else 0.0
        self._squares += check * check
        return math.sqrt(self._squares + (self._beta_d - tau) ** 2 + self._beta_dd**2)
