"""Which Jacobians are sparse? What SciPy makes sparse is made dense, and differences move many parameters at once."""

from __future__ import annotations

from typing import Any

import numpy as np

from onepass.arrays import Array


def is_sparse(jac: Any) -> bool:
    """Whether this is a matrix of SciPy's that has no array: sparse, or an operator."""
    return hasattr(jac, "toarray") or hasattr(jac, "matmat")


def dense(jac: Any) -> Array:
    """A sparse matrix or an operator as an array."""
    found: Array = jac.toarray() if hasattr(jac, "toarray") else jac.matmat(np.eye(jac.shape[1]))
    return found


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
        groups: for each parameter the number of its group: no residual depends on two of a group.
        count: of the groups.
    """

    def __init__(self, structure: Any, n: int) -> None:
        depends = np.asarray(dense(structure) if is_sparse(structure) else structure)
        if depends.ndim != 2 or depends.shape[1] != n:
            raise ValueError(f"jac_sparsity must have the shape (m, {n}), got {depends.shape}")
        self.depends = depends != 0
        self.groups = np.full(n, -1)
        self.count = 0
        while (left := np.flatnonzero(self.groups < 0)).size:
            taken = np.zeros(len(depends), bool)
            for j in left:
                if not (taken & self.depends[:, j]).any():
                    taken |= self.depends[:, j]
                    self.groups[j] = self.count
            self.count += 1

    def masked(self, jac: Array) -> Array:
        """The Jacobian with zeros where residuals do not depend on parameters."""
        if jac.shape != self.depends.shape:
            raise ValueError(f"jac_sparsity has the shape {self.depends.shape}, the Jacobian has {jac.shape}")
        return np.where(self.depends, jac, 0.0)
