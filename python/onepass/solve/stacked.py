"""How are many small linear least-squares problems solved at once? By QR, vectorized over the problems.

Modified Gram-Schmidt of the matrix with its right-hand side: R and Q^T f are as accurate as Householder's (Björck 1967,
BIT 7), and A^T A is never formed. Matrices are kept by columns and with the problems in front of or behind the rows,
whichever makes the sums run over contiguous memory.
"""

from __future__ import annotations

import numpy as np

from onepass.groups import Array

#: Problems whose matrices are worked on together, so that they stay in the cache: this many numbers.
CHUNK = 1 << 18


@np.errstate(over="ignore", invalid="ignore")
def triangles(a: Array, f: Array) -> Array:
    """The triangular factors [R, Q^T f] of many [A, f].

    Args:
        a: shape (n, k, m), the columns of k matrices.
        f: shape (k, m).

    Returns:
        Shape (n, n + 1, k), zero below the diagonals.
    """
    n, k, m = a.shape
    out = np.zeros((n, n + 1, k))
    chunk = max(1, CHUNK // (m * (n + 1)))
    work = np.empty((n + 1, min(chunk, k), m))
    for first in range(0, k, chunk):
        part = slice(first, min(first + chunk, k))
        columns = work[:, : part.stop - first]
        columns[:n], columns[n] = a[:, part], f[part]
        for j in range(n):
            q, rest = columns[j], columns[j + 1 :]
            length = np.sqrt(np.einsum("km,km->k", q, q))
            q /= np.where(length > 0, length, 1.0)[:, None]
            along = np.einsum("km,nkm->nk", q, rest)
            rest -= along[:, :, None] * q
            out[j, j, part], out[j, j + 1 :, part] = length, along
    return out


@np.errstate(over="ignore", invalid="ignore")
def damped(triangle: Array, roots: Array) -> Array:
    """The p that minimize |R p + c|^2 + |diag(roots) p|^2.

    Args:
        triangle: shape (n, n + 1, k): [R, c].
        roots: shape (n, k); where one is 0 and R is singular, so is the problem.

    Returns:
        Shape (n, k).
    """
    n, _, k = triangle.shape
    rows = np.zeros((2 * n, n + 1, k))
    rows[::2] = triangle
    rows[np.arange(1, 2 * n, 2), np.arange(n)] = roots
    r = np.zeros((n, n + 1, k))
    for j in range(n):
        used = rows[: 2 * j + 2]  # column j is zero below
        column, rest = used[:, j], used[:, j + 1 :]
        length = np.sqrt(np.einsum("ik,ik->k", column, column))
        column /= np.where(length > 0, length, 1.0)
        r[j, j], r[j, j + 1 :] = length, np.einsum("ik,ijk->jk", column, rest)
        rest -= column[:, None] * r[j, j + 1 :]
    p = np.zeros((n, k))
    for j in reversed(range(n)):
        right = -r[j, n] - np.einsum("ik,ik->k", r[j, j + 1 : n], p[j + 1 :])
        p[j] = right / np.where(r[j, j] > 0, r[j, j], np.inf)
    return p


def times(triangle: Array, p: Array) -> Array:
    """R p, of shape (n, k)."""
    product: Array = np.einsum("ijk,jk->ik", triangle[:, :-1], p)
    return product
