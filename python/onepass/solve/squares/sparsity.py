"""Which Jacobians are sparse? Those of SciPy's, and those whose differences may move many parameters at once."""

from __future__ import annotations

from typing import Any

import numpy as np

from onepass.arrays import Array
from onepass.solve.derivatives import Pattern


def is_sparse(jac: Any) -> bool:
    """Whether this has no array, but multiplies: a sparse matrix of SciPy's, an operator, or what behaves as one."""
    if hasattr(jac, "toarray") or hasattr(jac, "matmat"):
        return True
    has_products = hasattr(jac, "shape") and (hasattr(jac, "matvec") or hasattr(jac, "__matmul__"))
    return has_products and not hasattr(jac, "__array__")


def is_operator(jac: Any) -> bool:
    """Whether this, which is sparse in that sense, has no numbers to look at."""
    return not hasattr(jac, "toarray")


def dense(jac: Any) -> Array:
    """A sparse matrix or an operator as an array."""
    if not is_operator(jac):
        found: Array = jac.toarray()
        return found
    identity = np.eye(jac.shape[1])
    if hasattr(jac, "matmat"):
        found = jac.matmat(identity)
        return found
    return np.column_stack([jac.matvec(column) if hasattr(jac, "matvec") else jac @ column for column in identity])


def sparse(jac: Array) -> Any:
    """The array as one of SciPy's, which has made it."""
    from scipy.sparse import csr_array  # type: ignore[import-untyped]

    return csr_array(jac)


class Sparsity:
    """Which residuals depend on which parameters.

    Args:
        structure: shape (m, n), sparse or not: not 0 where a residual depends on a parameter.
        n: how many parameters there are.

    Attributes:
        shape: (m, n).
        pattern: the places in the order of rows and, in a row, of columns, and for each parameter the number of its
            group: no residual depends on two of a group.
        count: of the groups.
    """

    def __init__(self, structure: Any, n: int) -> None:
        is_matrix = hasattr(structure, "tocoo")
        given = structure if is_matrix else np.asarray(dense(structure) if is_sparse(structure) else structure)
        if len(given.shape) != 2 or given.shape[1] != n:
            raise ValueError(f"jac_sparsity must have the shape (m, {n}), got {given.shape}")
        self.shape: tuple[int, int] = given.shape
        rows, columns = places(given) if is_matrix else np.nonzero(given)
        groups = grouped(rows, columns, *self.shape)
        self.pattern = Pattern(rows, columns, groups)
        self.count = int(groups.max(initial=-1)) + 1

    def check(self, shape: tuple[int, int]) -> None:
        """Raises unless the Jacobian is of this shape."""
        if shape != self.shape:
            raise ValueError(f"jac_sparsity has the shape {self.shape}, the Jacobian has {shape}")

    def array(self, items: Array) -> Array:
        """The Jacobian of these numbers, with zeros elsewhere."""
        found = np.zeros(self.shape)
        found[self.pattern.rows, self.pattern.columns] = items
        return found

    def matrix(self, items: Array) -> Any:
        """The same as one of SciPy's, by rows."""
        from scipy.sparse import csr_array

        ends = np.cumsum(np.bincount(self.pattern.rows, minlength=self.shape[0]))
        return csr_array((items, self.pattern.columns, np.concatenate(([0], ends))), shape=self.shape)


def places(structure: Any) -> tuple[Array, Array]:
    """The rows and the columns of a sparse matrix's numbers that are not 0, in order."""
    entries = structure.tocsr().tocoo()
    entries.sum_duplicates()
    order = np.lexsort((entries.col, entries.row))
    order = order[entries.data[order] != 0]
    return entries.row[order], entries.col[order]


def grouped(rows: Array, columns: Array, m: int, n: int) -> Array:
    """The number of each column's group: the first in which no column before it shares a row with it."""
    order = np.argsort(columns, kind="stable")
    of_columns = np.split(rows[order], np.cumsum(np.bincount(columns, minlength=n)))[:n]
    taken = [0] * m  # of each row, the groups that have it, a bit each
    groups = np.zeros(n, np.intp)
    for j, own in enumerate(of_columns):
        used = 0
        for i in (own := own.tolist()):
            used |= taken[i]
        free = ~used & (used + 1)  # the lowest bit that is not set
        groups[j] = free.bit_length() - 1
        for i in own:
            taken[i] |= free
    return groups
