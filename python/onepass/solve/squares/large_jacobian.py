"""What is known of a Jacobian that is too large for an array? Products with vectors, and the norms of its columns."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from onepass.arrays import Array
from onepass.solve.callbacks import checked
from onepass.solve.squares.linear_model import column_norms
from onepass.solve.squares.lsmr import Stopping

Product = Callable[[Array], Array]
#: A sparse Jacobian, or an operator, of so many numbers at most is made dense, 0.8 MB: QR of more is slower than LSMR.
LARGE = 100_000
#: With so many random vectors the norms of an operator's columns are estimated, to about 20 %.
PROBES = 16


class LargeJacobian(Protocol):
    """J, as the methods need it.

    Attributes:
        shape: (m, n).
        stopping: when LSMR stops that solves problems with it.
    """

    shape: tuple[int, int]
    stopping: Stopping

    def product(self, v: Array) -> Array:
        """J v, contiguous."""

    def transposed(self, u: Array) -> Array:
        """J^T u, contiguous."""

    def norms(self) -> Array:
        """Of the columns."""

    def with_rows(self, factors: Array) -> LargeJacobian:
        """The same whose rows are multiplied by these."""

    def of_user(self) -> Any:
        """As the user had it."""


class MatrixJacobian:
    """One that has its numbers: a sparse matrix of SciPy's, or an array.

    Args:
        matrix: its own copy, of float64; if it is sparse, by rows.
    """

    def __init__(self, matrix: Any, stopping: Stopping) -> None:
        self._matrix, self._transposed, self.stopping = matrix, matrix.T, stopping
        self.shape: tuple[int, int] = matrix.shape

    def product(self, v: Array) -> Array:
        found: Array = self._matrix @ v
        return found

    def transposed(self, u: Array) -> Array:
        found: Array = self._transposed @ u
        return found

    def norms(self) -> Array:
        if isinstance(self._matrix, np.ndarray):
            return column_norms(self._matrix)
        squares = np.bincount(self._matrix.indices, self._matrix.data**2, self.shape[1])
        found: Array = np.sqrt(squares)
        return found

    def with_rows(self, factors: Array) -> MatrixJacobian:
        if isinstance(self._matrix, np.ndarray):
            return MatrixJacobian(self._matrix * factors[:, None], self.stopping)
        scaled = self._matrix.copy()
        scaled.data *= np.repeat(factors, np.diff(scaled.indptr))
        return MatrixJacobian(scaled, self.stopping)

    def of_user(self) -> Any:
        return self._matrix


class Products:
    """What multiplies vectors, by `@` and `.T @` or as operators of SciPy's do, by matvec and rmatvec."""

    def __init__(self, shape: tuple[int, int], product: Product, transposed: Product) -> None:
        self.shape, self.matvec, self.rmatvec = shape, product, transposed

    def __matmul__(self, v: Array) -> Array:
        return self.matvec(v)

    @property
    def T(self) -> Products:
        return Products((self.shape[1], self.shape[0]), self.rmatvec, self.matvec)


class OperatorJacobian:
    """One that only multiplies: an operator of SciPy's, or whatever has `@` or matvec, and rmatvec or `.T @`."""

    def __init__(
        self,
        operator: Any,
        shape: tuple[int, int],
        stopping: Stopping,
        rows: Array | None = None,
        columns: Array | None = None,
    ) -> None:
        self._operator, self.shape, self.stopping = operator, shape, stopping
        self._rows, self._columns = rows, columns

    def product(self, v: Array) -> Array:
        return times(self._rows, multiplied(self._operator, times(self._columns, v), self.shape[0]))

    def transposed(self, u: Array) -> Array:
        return times(self._columns, multiplied_transposed(self._operator, times(self._rows, u), self.shape[1]))

    def norms(self) -> Array:
        """Estimates: E (J^T z)_j^2 is the square of column j's, if the z_i are independent normal numbers."""
        random = np.random.default_rng(0)
        squares = np.zeros(self.shape[1])
        for _ in range(PROBES):
            squares += self.transposed(random.standard_normal(self.shape[0])) ** 2
        return np.sqrt(squares / PROBES)

    def with_rows(self, factors: Array) -> OperatorJacobian:
        rows = times(self._rows, factors)
        return OperatorJacobian(self._operator, self.shape, self.stopping, rows, self._columns)

    def of_user(self) -> Any:
        if self._rows is None and self._columns is None:
            return self._operator
        return Products(self.shape, self.product, self.transposed)


def large_jacobian(returned: Any, shape: tuple[int, int], stopping: Stopping, free: Array | None) -> LargeJacobian:
    """What jac returned, as one of these, if it is sparse or an operator.

    Args:
        free: the numbers of the parameters that are not fixed, or None for all; the other columns become 0.

    Raises:
        ValueError, TypeError: the shape is another one, or it holds no real numbers.
    """
    if tuple(returned.shape) != shape:
        raise ValueError(f"jac must return an array of shape {shape}, got one of shape {tuple(returned.shape)}")
    kept = None if free is None else np.isin(np.arange(shape[1]), free).astype(np.float64)
    if not hasattr(returned, "tocsr"):
        return OperatorJacobian(returned, shape, stopping, None, kept)
    if returned.dtype.kind not in "fiu":
        raise TypeError(f"jac must return an array of real numbers, got a sparse one of dtype {returned.dtype}")
    matrix = returned.tocsr(copy=True).astype(np.float64, copy=False)
    matrix.sum_duplicates()
    if kept is not None:
        matrix.data[kept[matrix.indices] == 0] = 0
    return MatrixJacobian(matrix, stopping)


def times(factors: Array | None, v: Array) -> Array:
    """The product by elements, None being ones."""
    return v if factors is None else factors * v


def read_only(v: Array) -> Array:
    """A view of it."""
    v = v.view()
    v.flags.writeable = False
    return v


def multiplied(operator: Any, v: Array, size: int) -> Array:
    """J v, of which the operator sees v read-only, and keeps nothing."""
    v = read_only(v)
    found = operator.matvec(v) if hasattr(operator, "matvec") else operator @ v
    return np.ascontiguousarray(checked("jac's matvec", found, (size,), np.float64))


def multiplied_transposed(operator: Any, u: Array, size: int) -> Array:
    """J^T u, likewise."""
    u = read_only(u)
    try:
        found = operator.rmatvec(u) if hasattr(operator, "rmatvec") else operator.T @ u
    except (NotImplementedError, AttributeError) as error:
        raise TypeError("jac must return an operator that multiplies transposed as well: by rmatvec or .T") from error
    return np.ascontiguousarray(checked("jac's rmatvec", found, (size,), np.float64))


def gigabytes(shape: tuple[int, int]) -> float:
    """What an array of this shape would take."""
    return 8 * math.prod(shape) / 1e9
