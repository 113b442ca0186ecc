"""What does the linear model of the residuals promise? Steps by the singular values of its triangle.

Variables are scaled: p is D times the step of x, and A is J D^-1.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from onepass.arrays import Array

#: A matrix of so many numbers at most needs no QR before its singular values.
SMALL = 300
#: The machine epsilon.
EPS = float(np.finfo(np.float64).eps)


class LinearModel:
    """The model |A p + f|^2 / 2.

    A and f get one QR, whose small factor R = U S V^T is then decomposed (of a small A at once), so that a singular A
    is no exception. A^T A is never formed.

    Args:
        a: shape (m, n); finite.
        f: shape (m,).
    """

    def __init__(self, a: Array, f: Array) -> None:
        m, n = a.shape
        if m > n and m * n > SMALL:
            r = triangle_of(np.column_stack((a, f)))
            a, f = r[:n, :n], r[:n, n]
        u: Array
        self._s: Array
        self._vt: Array
        u, self._s, self._vt = np.linalg.svd(a, full_matrices=False)
        self._c: Array = f.dot(u)
        #: The gradient A^T f.
        self.gradient: Array = (self._s * self._c).dot(self._vt)
        self._negligible = max(m, n) * EPS

    @property
    def rank(self) -> int:
        """How many singular values are not negligible beside the largest."""
        return int(np.count_nonzero(self._s > self._s[0] * self._negligible))

    def newton(self) -> Array:
        """The shortest p that minimizes the model."""
        k = self.rank
        p: Array = -(self._c[:k] / self._s[:k]).dot(self._vt[:k])
        return p

    def cauchy(self) -> Array:
        """The minimizer along the gradient."""
        g = self.gradient
        bend = self._s * self._vt.dot(g)
        p: Array = -(g.dot(g) / bend.dot(bend)) * g
        return p

    def decrease(self, p: Array) -> float:
        """By how much the model is lower at p than at 0."""
        bend = self._s * self._vt.dot(p)
        return -float(self.gradient.dot(p) + 0.5 * bend.dot(bend))


def triangle_of(a: Array) -> Array:
    """R of its QR."""
    r: Any = np.linalg.qr(a, mode="r")
    found: Array = r
    return found


def column_norms(matrix: Array) -> Array:
    """The Euclidean lengths of the columns."""
    norms: Array = np.sqrt(np.einsum("ij,ij->j", matrix, matrix))
    return norms


def norm(p: Array) -> float:
    """The Euclidean length."""
    return math.sqrt(p.dot(p))
