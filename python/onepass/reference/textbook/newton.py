"""Newton's method with the modified Cholesky factorization, as in the book: d = -(H + E)^-1 g."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from onepass.arrays import Array
from onepass.reference.textbook.descent import Move, Rule


def modified_cholesky(h: Array) -> tuple[Array, Array, Array]:
    """L, D and the order p with (H + E)[p, p] = L D L^T; E is diagonal, and zero for an H that is safely positive.

    Gill, Murray and Wright, Practical Optimization (1981), algorithm MC of section 4.4.2.2, in its notation. Its delta
    is 16 n times larger here, so that a pivot which is but rounding is no pivot.
    """
    n, eps = len(h), float(np.finfo(h.dtype).eps)
    gamma, xi = np.abs(np.diag(h)).max(), np.abs(h - np.diag(np.diag(h))).max()
    beta = math.sqrt(max(gamma, xi / max(1.0, math.sqrt(n * n - 1)), eps))
    delta = 16 * n * eps * max(gamma + xi, 1.0)
    p = np.arange(n)
    c, l, d = h.copy(), np.eye(n, dtype=h.dtype), np.zeros(n, h.dtype)  # noqa: E741
    for j in range(n):
        q = j + int(np.abs(np.diag(c))[j:].argmax())
        for rows in (p, c, c.T):
            rows[[j, q]] = rows[[q, j]]
        l[j, :j] = c[j, :j] / d[:j]
        for i in range(j + 1, n):
            c[i, j] = h[p[i], p[j]] - l[j, :j] @ c[i, :j]
        theta = np.abs(c[j + 1 :, j]).max(initial=0.0)
        d[j] = max(delta, abs(c[j, j]), (theta / beta) ** 2)
        for i in range(j + 1, n):
            c[i, i] -= c[i, j] ** 2 / d[j]
    return l, d, p


class Newton(Rule):
    def __init__(self, hess: Callable[[Array], Array]) -> None:
        self.hess = hess

    def direction(self, x: Array, g: Array, move: Move | None) -> Array | None:
        l, d, p = modified_cholesky(self.hess(x))  # noqa: E741
        step = np.empty_like(g)
        step[p] = np.linalg.solve(l.T, np.linalg.solve(l, -g[p]) / d)
        return step
