"""Which Jacobians are kept as they are? Large ones that are sparse, or operators; all, where LSMR is asked for."""

from __future__ import annotations

import math

import numpy as np

from onepass.arrays import Array
from onepass.solve.squares.large_jacobian import LARGE, LargeJacobian, MatrixJacobian, large_jacobian
from onepass.solve.squares.residuals import Residuals, Solver, User
from onepass.solve.squares.sparsity import is_sparse


class LargeResiduals(Residuals):
    """Residuals whose Jacobians may be large ones.

    Args:
        solver: of linear problems; user has it as well.
    """

    def __init__(self, user: User, solver: Solver) -> None:
        super().__init__(user)
        self._is_open, self._stopping = solver.name is None, solver.stopping
        is_known = user.sparsity is not None and self._jac is None and math.prod(user.sparsity.shape) > LARGE
        self.is_large = solver.name == "lsmr" or (self._is_open and is_known)

    def may_be_large(self, m: int, n: int) -> bool:
        """Whether Jacobians are large ones, or the first has to tell."""
        return self.is_large or (self._is_open and self._jac is not None and m * n > LARGE)

    def derivatives(self, x: Array, f: Array, sizes: Array | None) -> Array | LargeJacobian:
        if not self.may_be_large(f.size, x.size):
            return self.jacobian(x, f, sizes)
        found: Array | LargeJacobian
        if self._jac is not None:
            found = self._given(x, f)
        elif self._sparsity is not None:
            found = self._of_sparsity(x, f, sizes)
        else:
            found = self.jacobian(x, f, sizes)
        return MatrixJacobian(found, self._stopping) if self.is_large and isinstance(found, np.ndarray) else found

    def _given(self, x: Array, f: Array) -> Array | LargeJacobian:
        """What jac returns."""
        assert self._jac is not None
        self.njev += 1
        point = x.copy()
        point.flags.writeable = False
        returned = self._jac(point, *self._args, **self._kwargs)
        if not is_sparse(returned):
            return self._checked_jacobian(returned, f.size, x.size)
        self._check_solver(returned)
        self.is_large = True
        return large_jacobian(returned, (f.size, x.size), self._stopping, self._free)

    def _of_sparsity(self, x: Array, f: Array, sizes: Array | None) -> LargeJacobian:
        """By differences, of groups of parameters."""
        assert self._sparsity is not None
        self.njev += 1
        items = self._of_places(x, f, self.typical_sizes(x, sizes))
        return MatrixJacobian(self._sparsity.matrix(items), self._stopping)
