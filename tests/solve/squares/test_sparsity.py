"""Are groups of columns the first that fit, whatever the structure is given as, and what passes for sparse?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from cases import shown

from onepass.arrays import Array
from onepass.solve.squares.sparsity import Sparsity, dense, is_operator, is_sparse

sparse = pytest.importorskip("scipy.sparse")
linalg = pytest.importorskip("scipy.sparse.linalg")


def greedy(depends: Array) -> list[int]:
    """A column goes into the first group none of whose columns shares a row with it."""
    groups: list[list[int]] = []
    found = []
    for j in range(depends.shape[1]):
        fits = (all(not (depends[:, j] & depends[:, k]).any() for k in group) for group in groups)
        number = next((g for g, does in enumerate(fits) if does), len(groups))
        if number == len(groups):
            groups.append([])
        groups[number].append(j)
        found.append(number)
    return found


@pytest.mark.parametrize("density", [0.0, 0.02, 0.1, 0.5, 1.0])
@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (9, 0), (30, 20), (20, 30)], ids=str)
def test_groups_are_the_first_that_fit(shape: tuple[int, int], density: float, rng: np.random.Generator) -> None:
    depends = rng.random(shape) < density
    found = Sparsity(depends.astype(float), shape[1])
    assert found.pattern.groups.tolist() == greedy(depends)
    assert found.count == max(greedy(depends), default=-1) + 1
    np.testing.assert_array_equal(found.pattern.rows, np.nonzero(depends)[0])
    np.testing.assert_array_equal(found.pattern.columns, np.nonzero(depends)[1])


def stored_zeros(array: Array) -> Any:
    """With a zero that is stored, in a row of its own order, and an entry of two parts."""
    rows, columns = np.nonzero(array)
    rows, columns = np.append(rows[::-1], [0, 0]), np.append(columns[::-1], [0, 1])
    data = np.append(array[np.nonzero(array)][::-1], [0.0, 0.0])
    return sparse.coo_array((data, (rows, columns)), shape=array.shape)


@pytest.mark.parametrize(
    "given",
    [np.ndarray.tolist, sparse.csr_array, sparse.csc_array, sparse.lil_matrix, linalg.aslinearoperator, stored_zeros],
    ids=shown,
)
def test_what_a_structure_may_be(given: Any) -> None:
    structure = np.array([[0.0, 2, 0, 1], [0, 0, 0, 0], [1, 0, -3, 0]])
    found = Sparsity(given(structure), 4)
    assert found.shape == (3, 4)
    assert found.pattern.rows.tolist() == [0, 0, 2, 2]
    assert found.pattern.columns.tolist() == [1, 3, 0, 2]
    items = np.array([1.0, 2.0, 3.0, 4.0])
    expected = [[0, 1, 0, 2], [0, 0, 0, 0], [3, 0, 4, 0]]
    assert found.array(items).tolist() == expected
    matrix = found.matrix(items)
    assert sparse.issparse(matrix)
    assert matrix.toarray().tolist() == expected


class Multiplies:
    shape = (2, 3)

    def __matmul__(self, v: Array) -> Array:
        return np.arange(6.0).reshape(2, 3) @ v


class HasArray(Multiplies):
    def __array__(self, dtype: Any = None, copy: Any = None) -> Array:
        return np.ones((2, 3))


def test_what_passes_for_sparse() -> None:
    assert not any(is_sparse(one) for one in (np.ones((2, 3)), np.ones(3), [[1.0]], 1.0, None, "x", HasArray()))
    matrix = np.arange(6.0).reshape(2, 3)
    for one, has_numbers in (
        (sparse.csr_array(matrix), True),
        (sparse.coo_matrix(matrix), True),
        (linalg.aslinearoperator(matrix), False),
        (Multiplies(), False),
    ):
        assert is_sparse(one)
        assert is_operator(one) != has_numbers
        np.testing.assert_array_equal(dense(one), matrix)
